-- Claims an idempotency key for one request, or says what became of the one that has it.
-- KEYS  1 claim
-- ARGV  1 token of the request  2 fingerprint of what it asks  3 its decision id  4 lease, ms
--       5 seconds to keep  6 '', or 'allow': call again where no answer stands, or the decision id to replace
-- ANSWER {'ours'} | {'other', decision} | {'busy', decision, ms left of its lease}
--        | {'dead' | 'unkept', decision} | {'answered' | 'failed', decision, sealed answer}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'token', 'print', 'state', 'until', 'decision')
if found[1] then
  local state, decision = found[3], found[5]
  if found[1] == ARGV[1] and state == 'claimed' then
    return {'ours'} -- our own request, sent again
  end
  if found[2] ~= ARGV[2] then
    return {'other', decision}
  end
  if state == 'claimed' then
    local left = tonumber(found[4]) - now
    if left > 0 then
      return {'busy', decision, string.format('%d', left)}
    end
    state = 'dead'
  end
  if ARGV[6] ~= decision and (ARGV[6] ~= 'allow' or state == 'answered') then
    return {state, decision, redis.call('HGET', KEYS[1], 'answer') or ''}
  end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'print', ARGV[2], 'state', 'claimed',
  'until', string.format('%d', now + tonumber(ARGV[4])), 'decision', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {'ours'}
