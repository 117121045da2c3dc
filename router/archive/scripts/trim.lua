-- Takes the oldest entries out of the store once they are in an archive, and takes back what they added to
-- the counters, so that the counters here are the sum of the entries here, before and after.
-- KEYS 1 entries  2 archived  3 hours  4… counters of the hours the entries count in
-- ARGV 1 first id  2 last id  3 how many  4 the id after the last  5 the day's field in `archived`
--      6 what it says  then the hours, in the order of their keys  then for each of them
--      how many counters, and field and amount of each: what to add (the negative of what was added)
-- ANSWER {'trimmed'} | {'already'} | {'moved'}: the store does not hold just these entries at its beginning
-- No arithmetic on money here: amounts are strings, and HINCRBY adds them.
local LARGEST = 9.2e18 -- below 2^63 by more than a double's error at that size
local hours = #KEYS - 3
if redis.call('HGET', KEYS[2], 'through') == ARGV[2] then
  return {'already'}
end
redis.call('ZCARD', KEYS[3]) -- refuses a key of another type before the first write
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if not oldest[1] or oldest[1][1] ~= ARGV[1]
  or #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2]) ~= tonumber(ARGV[3]) then
  return {'moved'}
end
local at, changes = 7 + hours, {}
for number = 1, hours do
  local key = KEYS[3 + number]
  local last = at + 2 * tonumber(ARGV[at])
  for place = at + 1, last, 2 do
    local now, amount = redis.call('HGET', key, ARGV[place]) or '0', ARGV[place + 1]
    if not string.find(now, '^%-?%d+$') or not string.find(amount, '^%-?%d+$')
      or math.abs(tonumber(now) + tonumber(amount)) > LARGEST or math.abs(tonumber(amount)) > LARGEST then
      return redis.error_reply('ERR a counter of hour ' .. ARGV[6 + number]
        .. ' is no whole number or out of range; run `pennyroute ledger verify --repair`')
    end
    changes[#changes + 1] = { key, ARGV[place], amount }
  end
  at = last + 1
end
for _, change in ipairs(changes) do
  if redis.call('HINCRBY', change[1], change[2], change[3]) == 0 then
    redis.call('HDEL', change[1], change[2])
  end
end
for number = 1, hours do
  if redis.call('EXISTS', KEYS[3 + number]) == 0 then
    redis.call('ZREM', KEYS[3], ARGV[6 + number])
  end
end
redis.call('HSET', KEYS[2], 'through', ARGV[2], ARGV[5], ARGV[6])
redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[4])
return {'trimmed'}
