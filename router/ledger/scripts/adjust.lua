-- The truth about an attempt that was assumed: appends one adjustment, once, counted where that one was.
-- ANSWER {'recorded', entry id} | {'already', state}
local found = redis.call('HMGET', KEYS[1], 'state', 'group')
if found[1] ~= 'assumed' then
  return {'already', found[1] or 'gone'}
end
local id, refusal = record_checked(found[2] or ARGV[7])
if not id then
  return refusal
end
redis.call('HDEL', KEYS[1], 'entry')
return {'recorded', id}
