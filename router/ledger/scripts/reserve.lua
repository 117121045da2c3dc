-- Holds the worst case of one attempt. One hold per attempt id; nothing is held when refused.
-- KEYS  1 attempt  2 holds  3 version of thresholds and keys  (4… budgets: none yet, they will be tested here)
-- ARGV  1 attempt id  2 version the caller decided with ('' = any)  3 expiry, ms
--       4 entry to write if the holder dies  5 decision to write with it
-- ANSWER {'held', ms of the store's time} | {'stale', version in force} | {'exists', state, ms}
-- The hold has no TTL: it stays until somebody settles or reaps it, however long nobody runs.
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
local at = string.format('%d', now)
redis.call('HSET', KEYS[1], 'state', 'held', 'at', at, 'entry', ARGV[4], 'decision', ARGV[5])
redis.call('ZADD', KEYS[2], string.format('%d', now + tonumber(ARGV[3])), ARGV[1])
return {'held', at}
