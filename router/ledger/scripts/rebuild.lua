-- Replaces the counters of one hour by recomputed ones, unless an entry came in, or left for an archive,
-- since they were computed.
-- KEYS 1 entries  2 counters of the hour  3 hours   ARGV 1 last entry id  2 first entry id  3 hour
--      4… field, amount…
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
redis.call('ZCARD', KEYS[3]) -- refuses a key of another type before the first write
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if (last[1] and last[1][1] or '') ~= ARGV[1] or (first[1] and first[1][1] or '') ~= ARGV[2] then
  return 'moved'
end
redis.call('DEL', KEYS[2])
for at = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
end
if #ARGV >= 4 then
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[3])
else
  redis.call('ZREM', KEYS[3], ARGV[3])
end
return 'rebuilt'
