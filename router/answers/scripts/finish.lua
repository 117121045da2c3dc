-- Leaves the answer where the claim was, for whoever sends the same again.
-- KEYS 1 claim   ARGV 1 token  2 state to leave  3 sealed answer  4 seconds to keep   ANSWER 'kept' | 'gone'
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then
  return 'gone' -- expired, or somebody called again
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'answer', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 'kept'
