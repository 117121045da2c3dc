-- Sets a route's threshold if the version in force is the one the caller saw. Comes after put_threshold.lua.
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
local new, at = put_threshold(KEYS, version, {
  threshold = ARGV[2], set_by = ARGV[3], reason = ARGV[4], certificate = ARGV[6], suspended = ARGV[7]
}, tonumber(ARGV[5]))
return {'set', new, at}
