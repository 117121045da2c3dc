-- Looks for kept answers, and whether thresholds, keys or budgets changed since it was decided to look.
-- KEYS 1 version of the account's settings  2… answers   ARGV 1 version the caller knows
-- ANSWER {'stale'} | {'looked', ms of the store's time, sealed answer or '' …}
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then
  return {'stale'}
end
local time = redis.call('TIME')
local found = {'looked', string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))}
for at = 2, #KEYS do
  found[#found + 1] = redis.call('GET', KEYS[at]) or ''
end
return found
