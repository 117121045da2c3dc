-- Gives a claim back: nothing was charged, so that the same may be sent again.
-- KEYS 1 claim   ARGV 1 token   ANSWER 'released' | 'gone'
local found = redis.call('HMGET', KEYS[1], 'token', 'state')
if found[1] ~= ARGV[1] or found[2] ~= 'claimed' then
  return 'gone'
end
redis.call('DEL', KEYS[1])
return 'released'
