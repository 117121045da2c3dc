-- Keeps an outcome as it now is, if it is still what the caller saw. Nobody but its caller reads what it is.
-- KEYS  1 outcome  2 outcomes of its route and kind (audited or not)  3 unscored ones of its route
--       4 routes with outcomes  5 uncounted ones  6 outcomes of its route and the other kind
-- ARGV  1 what the caller saw ('' = nothing)  2 what it now is  3 decision id  4 ms of the decision  5 its route
--       6 how long it is kept, ms  7 how many of a route and kind are kept  8 'count' where the watch is to count it
--       9 'unscored' where it was audited and a score is missing for a reason
-- ANSWER {'kept', ids that made room…} | {'changed', what is there ('' = nothing)} | {'past'}: older than what is kept
local there = redis.call('GET', KEYS[1]) or ''
redis.call('ZCARD', KEYS[2]) -- refuses keys of other types before the first write
redis.call('ZCARD', KEYS[3])
redis.call('SCARD', KEYS[4])
redis.call('ZCARD', KEYS[5])
redis.call('ZCARD', KEYS[6])
if there ~= ARGV[1] then
  return {'changed', there}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at, kept_for, most = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local first = now - kept_for
if at <= first then
  return {'past'}
end
if not redis.call('ZSCORE', KEYS[2], ARGV[3]) and redis.call('ZCARD', KEYS[2]) >= most then
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if at <= tonumber(oldest[2]) then
    return {'past'}
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', string.format('%d', at + kept_for))
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
redis.call('ZREM', KEYS[6], ARGV[3]) -- what was scored first may turn out to have been drawn
redis.call('SADD', KEYS[4], ARGV[5])
if ARGV[9] == 'unscored' then
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
else
  redis.call('ZREM', KEYS[3], ARGV[3])
end
if ARGV[8] == 'count' then
  redis.call('ZADD', KEYS[5], ARGV[4], ARGV[3])
end
for _, key in ipairs({KEYS[2], KEYS[3], KEYS[5]}) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%d', first))
  redis.call('PEXPIRE', key, ARGV[6])
end
redis.call('PEXPIRE', KEYS[4], ARGV[6])
local over = math.min(redis.call('ZCARD', KEYS[2]) - most, 500) -- more would not fit into one answer
if over <= 0 then
  return {'kept'}
end
local ids = redis.call('ZRANGE', KEYS[2], 0, over - 1)
redis.call('ZREM', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[3], unpack(ids))
return {'kept', unpack(ids)}
