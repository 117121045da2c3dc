-- Replaces an attempt's hold by what it really cost (or voids it: state 'void', cost 0).
-- ANSWER {'recorded', entry id} | {'already', state} | {'assumed', the entry a reaper wrote}
--        | {'hour', ms the hold was made at}: the caller declared another hour's counters
local found = redis.call('HMGET', KEYS[1], 'state', 'at', 'entry')
if found[1] == 'assumed' then
  return {'assumed', found[3]}
end
if found[1] and found[1] ~= 'held' then
  return {'already', found[1]}
end
if found[2] and math.floor(tonumber(found[2]) / 3600000) ~= tonumber(ARGV[2]) then
  return {'hour', found[2]}
end
local increments = checked()
if not increments then
  return redis.error_reply(refused)
end
local id = record(increments)
redis.call('HDEL', KEYS[1], 'entry', 'decision', 'decision_id', 'held')
return {'recorded', id}
