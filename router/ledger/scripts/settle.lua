-- Replaces an attempt's hold by what it really cost (or voids it: state 'void', cost 0).
-- ANSWER {'recorded', entry id} | {'already', state} | {'assumed', the entry a reaper wrote}
--        | {'at', ms the hold was made at, what it holds of budgets}: the caller declared another moment's
--        counters, or other budgets
local found = redis.call('HMGET', KEYS[1], 'state', 'at', 'entry')
if found[1] == 'assumed' then
  if not found[3] then
    return redis.error_reply('ERR the assumed entry of this attempt is lost')
  end
  return {'assumed', found[3]}
end
if found[1] and found[1] ~= 'held' then
  return {'already', found[1]}
end
local held = redis.call('HGET', KEYS[8], ARGV[1]) or ''
if (found[2] and found[2] ~= ARGV[11]) or held ~= ARGV[15] then
  return {'at', found[2] or ARGV[11], held}
end
local id, refusal = record_checked()
if not id then
  return refusal
end
redis.call('HDEL', KEYS[1], 'entry', 'decision')
return {'recorded', id}
