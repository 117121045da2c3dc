-- Replaces an attempt's hold by what it really cost (or voids it: state 'void', cost 0).
-- ANSWER {'recorded', entry id} | {'already', state} | {'assumed', the entry a reaper wrote}
--        | {'at', ms the hold was made at}: the caller declared another moment's counters
local found = redis.call('HMGET', KEYS[1], 'state', 'at', 'entry')
if found[1] == 'assumed' then
  if not found[3] then
    return redis.error_reply('ERR the assumed entry of this attempt is lost')
  end
  return {'assumed', found[3]}
end
if found[1] and found[1] ~= 'held' then
  return {'already', found[1]}
end
if found[2] and found[2] ~= ARGV[11] then
  return {'at', found[2]}
end
local id, refusal = record_checked()
if not id then
  return refusal
end
redis.call('HDEL', KEYS[1], 'entry', 'decision')
return {'recorded', id}
