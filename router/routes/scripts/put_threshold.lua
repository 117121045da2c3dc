-- Puts a threshold in force as the next version. The types of its keys are checked by the caller before.
-- keys: 1 threshold in force  2 history, newest first  3 version of all settings
-- what: threshold, set_by, reason, certificate, suspended: texts
-- ANSWER version, ms of the store's time: both as texts
local function put_threshold(keys, version, what, versions_kept)
  local time = redis.call('TIME')
  local at = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
  local new = string.format('%d', version + 1)
  what.version, what.set_at = new, at
  redis.call('HSET', keys[1], 'threshold', what.threshold, 'version', new, 'set_by', what.set_by, 'set_at', at,
    'reason', what.reason, 'certificate', what.certificate, 'suspended', what.suspended)
  redis.call('LPUSH', keys[2], cjson.encode(what))
  redis.call('LTRIM', keys[2], 0, versions_kept - 1)
  redis.call('INCR', keys[3])
  return new, at
end
