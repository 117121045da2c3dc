-- Mends what is left of one budget window by what it was off when it was looked at. That is added, not set, so
-- that what calls took or gave back meanwhile stands.
-- KEYS 1 what is left of the window
-- ARGV 1 how often it had been mended then  2 the limit it counts from, '' to leave that  3 ms when a window
--      that is lost is gone  4 its step, ms  5 its oldest part  6… field, amount to add, amount to set where what stands there is no whole number
-- ANSWER 'mended' | 'moved'
local mends = redis.call('HGET', KEYS[1], 'mends') or '0'
if mends ~= ARGV[1] then
  return 'moved'
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'left', ARGV[2], 'limit', ARGV[2], 'step', ARGV[4], 'from', ARGV[5])
  redis.call('PEXPIREAT', KEYS[1], ARGV[3])
elseif ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'limit', ARGV[2])
end
local from = tonumber(redis.call('HGET', KEYS[1], 'from') or '') or 0
for at = 6, #ARGV, 3 do
  local field, amount, whole = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local part = tonumber(string.match(field, '^b(%d+)$') or '')
  local now = redis.call('HGET', KEYS[1], field)
  if now and not string.find(now, '^%-?%d+$') then
    redis.call('HSET', KEYS[1], field, whole)
  elseif part and part < from then -- given back since: so is what it was off
    redis.call('HINCRBY', KEYS[1], 'left', amount)
  else
    redis.call('HINCRBY', KEYS[1], field, amount)
  end
end
redis.call('HINCRBY', KEYS[1], 'mends', 1)
return 'mended'
