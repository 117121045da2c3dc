-- Puts a budget in force, or takes one away, if nothing changed since its author looked.
-- KEYS 1 budgets  2 version of the account
-- ARGV 1 version the author saw  2 budget id  3 budget as JSON, or '' to take it away
-- ANSWER 'put' | 'moved'
-- The version is counted up in the same step, so that every reserve that does not know of it is told.
redis.call('HLEN', KEYS[1]) -- refuses a key of another type before the first write
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then
  return 'moved'
end
redis.call('INCR', KEYS[2])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return 'put'
