-- Counts one audited query for the watch on a route's certificate, once; on alarm it withdraws the certificate in
-- the same step. Comes after put_threshold.lua. The arithmetic is policies.watch.advance's, to the last bit.
-- KEYS  1 threshold in force  2 history, newest first  3 version of all settings  4 the watch  5 what it counted
-- ARGV  1 version of the threshold it was made under  2 decision id  3 z  4 alarm_at  5 how long ids are kept, ms
--       6 how many  7 who withdraws  8 why, before the numbers  9 how many versions to keep  10 certificate id
--       11… lambdas
-- ANSWER {'counted' | 'already' | 'past' (the certificate is no longer in force)} | {'suspended', version}
local force = redis.call('HMGET', KEYS[1], 'version', 'certificate', 'suspended', 'set_at')
redis.call('LLEN', KEYS[2]) -- refuses keys of other types before the first write
if not tonumber(redis.call('GET', KEYS[3]) or '0') then
  return redis.error_reply('ERR the version of the settings is not a number')
end
local found = redis.call('HMGET', KEYS[4], 'version', 'lambdas', 'levels', 'audits')
redis.call('ZCARD', KEYS[5])
if force[1] ~= ARGV[1] or not force[2] or force[2] == '' or force[3] == '1' then
  return {'past'}
end

local bets, levels, audits = {}, {}, 0
for at = 11, #ARGV do
  bets[#bets + 1] = tonumber(ARGV[at])
end
local lambdas = table.concat(ARGV, ' ', 11)
local goes_on = found[1] == ARGV[1] and found[2] == lambdas
if goes_on then
  for level in string.gmatch(found[3], '%S+') do
    levels[#levels + 1] = tonumber(level)
  end
  audits = tonumber(found[4])
else
  for at = 1, #bets do
    levels[at] = 0
  end
end
if goes_on and redis.call('ZSCORE', KEYS[5], ARGV[2]) then
  return {'already'}
end

local function mean()
  local total = 0
  for at = 1, #levels do
    total = total + levels[at]
  end
  return total / #levels
end

local z, alarm_at = tonumber(ARGV[3]), tonumber(ARGV[4])
if mean() < alarm_at then
  for at = 1, #bets do
    levels[at] = (1 + levels[at]) * (1 + bets[at] * z)
  end
  audits = audits + 1
end
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local texts = {}
for at = 1, #levels do
  texts[at] = string.format('%.17g', levels[at])
end
if not goes_on then
  redis.call('DEL', KEYS[4], KEYS[5])
  redis.call('HSET', KEYS[4], 'since', force[4])
end
redis.call('HSET', KEYS[4], 'version', ARGV[1], 'certificate', ARGV[10], 'lambdas', lambdas,
  'levels', table.concat(texts, ' '), 'audits', string.format('%d', audits), 'last_at', now)
redis.call('ZADD', KEYS[5], now, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -tonumber(ARGV[6]) - 1)
redis.call('PEXPIRE', KEYS[5], ARGV[5])
if mean() < alarm_at then
  return {'counted'}
end
local new, at = put_threshold(KEYS, tonumber(ARGV[1]), {
  threshold = '0.0', set_by = ARGV[7], certificate = force[2], suspended = '1',
  reason = string.format('%s: level %.0f, alarm at %.0f, after %d audits', ARGV[8], mean(), alarm_at, audits)
}, tonumber(ARGV[9]))
redis.call('HSET', KEYS[4], 'suspended_version', new, 'suspended_at', at)
return {'suspended', new}
