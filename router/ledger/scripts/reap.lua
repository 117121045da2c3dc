-- Settles as assumed an attempt whose holder stopped extending it. The entry stays with the attempt,
-- so that a late settle can append the difference.
-- ANSWER {'recorded', entry id} | {'extended'} | {'already', state}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HGET', KEYS[1], 'state')
local expiry = redis.call('ZSCORE', KEYS[2], ARGV[1])
if state ~= 'held' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {'already', state or 'gone'}
end
if expiry and tonumber(expiry) > now then
  return {'extended'}
end
local id, refusal = record_checked()
if not id then
  return refusal
end
redis.call('HSET', KEYS[1], 'entry', ARGV[6])
redis.call('HDEL', KEYS[1], 'decision')
return {'recorded', id}
