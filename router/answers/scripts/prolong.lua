-- A live worker keeps its claims.
-- KEYS claims of one account   ARGV 1 lease, ms  2 seconds to keep  3… their tokens   ANSWER how many are still ours
local time = redis.call('TIME')
local until_ms = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1]))
local ours = 0
for at = 1, #KEYS do
  local found = redis.call('HMGET', KEYS[at], 'token', 'state')
  if found[1] == ARGV[at + 2] and found[2] == 'claimed' then
    redis.call('HSET', KEYS[at], 'until', until_ms)
    redis.call('EXPIRE', KEYS[at], ARGV[2])
    ours = ours + 1
  end
end
return ours
