-- Sets a route's threshold if the version in force is the one the caller saw.
-- KEYS 1 threshold in force  2 history, newest first
-- ARGV 1 version expected ('*' = any)  2 threshold  3 who  4 why
-- ANSWER {'set', version, ms} | {'conflict', version in force}
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if ARGV[1] ~= '*' and tonumber(ARGV[1]) ~= version then
  return {'conflict', tostring(version)}
end
local time = redis.call('TIME')
local at = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local new = tostring(version + 1)
redis.call('HSET', KEYS[1], 'threshold', ARGV[2], 'version', new, 'set_by', ARGV[3], 'set_at', at, 'reason', ARGV[4])
redis.call('LPUSH', KEYS[2], cjson.encode({
  threshold = ARGV[2], version = new, set_by = ARGV[3], set_at = at, reason = ARGV[4]
}))
return {'set', new, at}
