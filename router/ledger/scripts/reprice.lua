-- What an attempt costs at other prices: appends one adjustment, counted where what it replaces is. Whoever asks
-- has read every earlier revision; the attempt remembers its last one against another who reads at the same time.
-- ARGV  9 the group to count under, in place of a decision, which stays as it is  15 the revision
-- ANSWER {'recorded', entry id} | {'already', state}
local found = redis.call('HMGET', KEYS[1], 'state', 'revision')
if (found[1] and found[1] ~= 'settled') or tonumber(found[2] or '0') >= tonumber(ARGV[15]) then
  return {'already', found[1] or 'gone'}
end
local group, decision, kept_ms = ARGV[9], redis.call('HGET', KEYS[6], 'd'), redis.call('PTTL', KEYS[6])
ARGV[9] = decision or ''
local id, refusal = record_checked(group)
if not id then
  return refusal
end
redis.call('HSET', KEYS[1], 'revision', ARGV[15])
if not decision then
  redis.call('DEL', KEYS[6]) -- it was over before: an attempt without it tells nobody anything
elseif kept_ms > 0 then
  redis.call('PEXPIRE', KEYS[6], string.format('%d', kept_ms))
end
return {'recorded', id}
