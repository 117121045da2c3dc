-- What settle, reap and adjust share: one entry, its counters and its decision, all or nothing.
-- KEYS  1 attempt  2 holds  3 entries  4 counters of the hour  5 hours  6 decision
-- ARGV  1 attempt id  2 hour (Unix hours)  3 state to leave  4 seconds to remember the attempt
--       5 seconds to keep the decision  6 entry  7 counters' group  8 increments: 'metric amount\n'…
--       9 decision ('' = keep what is there)  10 the attempt's field in the decision
-- No arithmetic on money here: amounts are strings, and HINCRBY adds them.
local function checked()
  redis.call('ZCARD', KEYS[2])
  redis.call('XLEN', KEYS[3])
  redis.call('HLEN', KEYS[4])
  redis.call('ZCARD', KEYS[5])
  redis.call('HLEN', KEYS[6])
  local pairs_found, length = {}, 0
  for metric, amount in string.gmatch(ARGV[8], '(%S+) (%-?%d+)\n') do
    if #amount > 18 then
      return nil
    end
    length = length + #metric + #amount + 2
    pairs_found[#pairs_found + 1] = metric
    pairs_found[#pairs_found + 1] = amount
  end
  if length ~= #ARGV[8] then
    return nil
  end
  return pairs_found
end

local function record(increments)
  local id = redis.call('XADD', KEYS[3], '*', 'e', ARGV[6])
  for at = 1, #increments, 2 do
    redis.call('HINCRBY', KEYS[4], ARGV[7] .. '\31' .. increments[at], increments[at + 1])
  end
  redis.call('ZADD', KEYS[5], ARGV[2], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HSET', KEYS[1], 'state', ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[6], 'd', ARGV[9], ARGV[10], ARGV[6])
  else
    redis.call('HSET', KEYS[6], ARGV[10], ARGV[6])
  end
  redis.call('EXPIRE', KEYS[6], ARGV[5])
  return id
end

local refused = 'increments must be lines of a metric and a whole number of at most 18 digits'
