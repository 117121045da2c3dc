-- Sets a route's threshold if the version in force is the one the caller saw.
-- KEYS 1 threshold in force  2 history, newest first  3 version of all settings
-- ARGV 1 version expected ('*' = any)  2 threshold  3 who  4 why  5 how many versions to keep
--      6 certificate as JSON, or ''  7 '1' where the watch withdraws it, else ''
-- ANSWER {'set', version, ms} | {'conflict', version in force}
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
redis.call('LLEN', KEYS[2]) -- refuses keys of other types before the first write
if not tonumber(redis.call('GET', KEYS[3]) or '0') then
  return redis.error_reply('ERR the version of the settings is not a number')
end
if ARGV[1] ~= '*' and tonumber(ARGV[1]) ~= version then
  return {'conflict', string.format('%d', version)}
end
local time = redis.call('TIME')
local at = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local new = string.format('%d', version + 1)
redis.call('HSET', KEYS[1], 'threshold', ARGV[2], 'version', new, 'set_by', ARGV[3], 'set_at', at, 'reason', ARGV[4],
  'certificate', ARGV[6], 'suspended', ARGV[7])
redis.call('LPUSH', KEYS[2], cjson.encode({
  threshold = ARGV[2], version = new, set_by = ARGV[3], set_at = at, reason = ARGV[4],
  certificate = ARGV[6], suspended = ARGV[7]
}))
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[5]) - 1)
redis.call('INCR', KEYS[3])
return {'set', new, at}
