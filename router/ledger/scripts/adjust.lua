-- The truth about an attempt that was assumed: appends one adjustment, once.
-- ANSWER {'recorded', entry id} | {'already', state}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'assumed' then
  return {'already', state or 'gone'}
end
local increments, why = checked()
if not increments then
  return redis.error_reply('ERR ' .. why)
end
local id = record(increments)
redis.call('HDEL', KEYS[1], 'entry')
return {'recorded', id}
