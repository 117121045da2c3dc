-- A live worker keeps its holds.
-- KEYS 1 holds   ARGV 1 expiry, ms  2… attempt ids   ANSWER the ids that are no longer held
local time = redis.call('TIME')
local until_ms = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1]))
local gone = {}
for at = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) then
    redis.call('ZADD', KEYS[1], until_ms, ARGV[at])
  else
    gone[#gone + 1] = ARGV[at]
  end
end
return gone
