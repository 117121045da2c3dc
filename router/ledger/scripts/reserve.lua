-- Holds the worst case of one attempt. One hold per attempt id; nothing is held when refused.
-- KEYS  1 attempt  2 holds  3 version of thresholds and keys  (4… budgets: none yet, they will be tested here)
-- ARGV  1 attempt id  2 version the caller decided with ('' = any)  3 expiry, ms  4 held, nano-dollars
--       5 entry to write if the holder dies  6 decision to write with it  7 decision id
-- ANSWER {'held', ms of the store's time} | {'stale', version in force} | {'exists', state, ms}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'state', 'at')
redis.call('ZCARD', KEYS[2]) -- refuses a key of another type before the first write
if found[1] then
  return {'exists', found[1], found[2]}
end
if ARGV[2] ~= '' then
  local version = redis.call('GET', KEYS[3]) or '0'
  if version ~= ARGV[2] then
    return {'stale', version}
  end
end
if not string.find(ARGV[4], '^%d+$') then
  return redis.error_reply('held must be a whole number of nano-dollars')
end
local at = string.format('%d', now)
redis.call('HSET', KEYS[1], 'state', 'held', 'at', at, 'held', ARGV[4],
  'entry', ARGV[5], 'decision', ARGV[6], 'decision_id', ARGV[7])
redis.call('ZADD', KEYS[2], string.format('%d', now + tonumber(ARGV[3])), ARGV[1])
return {'held', at}
