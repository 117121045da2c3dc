-- Keeps one answer in a route's cache; the oldest leave where all together are more than the route may have.
-- KEYS  1 answer  2 index: name → expiry, ms  3 sizes: name → bytes, and 'total'
-- ARGV  1 name  2 sealed answer  3 seconds it is given  4 most bytes in all
-- ANSWER the names whose answers leave: they are in no index any more, and whoever asked deletes them
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local total = tonumber(redis.call('HGET', KEYS[3], 'total') or '0')
local function leave(name)
  total = total - tonumber(redis.call('HGET', KEYS[3], name) or '0')
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[2], name)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)) do
  leave(name) -- its answer has expired
end
leave(ARGV[1])
local gone = {}
while total + #ARGV[2] > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then
    break
  end
  leave(oldest)
  gone[#gone + 1] = oldest
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], string.format('%d', now + tonumber(ARGV[3]) * 1000), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], #ARGV[2], 'total', string.format('%d', total + #ARGV[2]))
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return gone
