-- What settle, reap and adjust share: one entry, its counters and its decision, all or nothing.
-- KEYS  1 attempt  2 holds  3 entries  4 counters of the hour  5 hours  6 decision
--       7 how many groups of the hour were counted under labels of their own
--       8 what attempts hold of budgets  9… what is left of budget windows that get something back
-- ARGV  1 attempt id  2 hour (Unix hours)  3 state to leave  4 seconds to remember the attempt
--       5 seconds to keep the decision  6 entry  7 the entry's own group  8 increments: 'metric amount\n'…
--       9 decision  10 the attempt's field in the decision  11 ms of the store's time the entry counts at
--       12 the group for all others: the same without what callers choose  13 most groups an hour
--       14 of each window: 'part amount\n', what it gets back, less than 0 where it costs more than was held;
--          a window, or a part of a rolling one, that is over is left alone
--       15 what the caller knows to be held of budgets
-- No arithmetic on money here: amounts are strings, and HINCRBY adds them. What a script wrote before an
-- error stays written, so `checked` looks at every key's type and every counter's range before `record`
-- writes the first word.
local LARGEST = 9.2e18 -- below 2^63 by more than a double's error at that size

-- The group to count under, and, where it is the first of its own in the hour, how many there are with it.
local function group_to_count()
  if ARGV[7] == ARGV[12] or redis.call('HEXISTS', KEYS[4], ARGV[7] .. '\31attempts') == 1 then
    return ARGV[7]
  end
  local groups = tonumber(redis.call('GET', KEYS[7]) or '0') or 0
  if groups >= tonumber(ARGV[13]) then
    return ARGV[12]
  end
  return ARGV[7], string.format('%d', groups + 1)
end

local function checked(group)
  redis.call('ZCARD', KEYS[2])
  redis.call('XLEN', KEYS[3])
  redis.call('ZCARD', KEYS[5])
  redis.call('HLEN', KEYS[6])
  local fields, amounts, length = {}, {}, 0
  for metric, amount in string.gmatch(ARGV[8], '(%S+) (%-?%d+)\n') do
    length = length + #metric + #amount + 2
    fields[#fields + 1] = group .. '\31' .. metric
    amounts[#amounts + 1] = amount
  end
  if length ~= #ARGV[8] then
    return nil, 'increments must be lines of a metric and a whole number'
  end
  local counted = #fields > 0 and redis.call('HMGET', KEYS[4], unpack(fields)) or {}
  for at, field in ipairs(fields) do
    local now, amount = counted[at] or '0', amounts[at]
    local metric = string.sub(field, #group + 2)
    if not string.find(now, '^%-?%d+$') then
      return nil, 'the counter ' .. metric .. ' is not a whole number; run `pennyroute ledger verify --repair`'
    end
    if #amount > 20 or math.abs(tonumber(amount)) > LARGEST
      or math.abs(tonumber(now) + tonumber(amount)) > LARGEST then
      return nil, 'the counter ' .. metric .. ' cannot hold ' .. string.sub(amount, 1, 32) .. ' more'
    end
  end
  return { fields = fields, amounts = amounts }
end

local function negative(amount)
  if amount == '0' then
    return amount -- '-0' is no number to the store
  end
  return string.sub(amount, 1, 1) == '-' and string.sub(amount, 2) or '-' .. amount
end

-- What budget windows get back: those that are still there, their types and ranges looked at.
local function checked_windows()
  redis.call('HLEN', KEYS[8])
  local found, length = {}, 0
  for part, amount in string.gmatch(ARGV[14], '(%d+) (%-?%d+)\n') do
    length = length + #part + #amount + 2
    local key, field = KEYS[9 + #found], part ~= '0' and 'b' .. part or nil
    local now = redis.call('HMGET', key, 'left', field or 'left')
    for _, text in ipairs({ now[1] or '0', now[2] or '0' }) do
      if not string.find(text, '^%-?%d+$') then
        return nil, 'what is left of a budget is not a whole number; run `pennyroute ledger verify --repair`'
      end
      if #amount > 20 or math.abs(tonumber(text)) + math.abs(tonumber(amount)) > LARGEST then
        return nil, 'what is left of a budget cannot change by ' .. string.sub(amount, 1, 32)
      end
    end
    found[#found + 1] = { key = key, field = field, amount = amount, there = now[1] and now[2] }
  end
  if length ~= #ARGV[14] then
    return nil, 'what windows get back must be lines of a part and a whole number'
  end
  return found
end

local function record(increments, group, windows)
  local id
  if group == ARGV[7] then
    id = redis.call('XADD', KEYS[3], '*', 'e', ARGV[6])
  else
    id = redis.call('XADD', KEYS[3], '*', 'e', ARGV[6], 'g', group)
    redis.call('HSET', KEYS[1], 'group', group) -- an adjustment follows what it adjusts
  end
  for at, field in ipairs(increments.fields) do
    redis.call('HINCRBY', KEYS[4], field, increments.amounts[at])
  end
  for _, window in ipairs(windows) do
    if window.there then
      redis.call('HINCRBY', window.key, 'left', window.amount)
      if window.field then
        redis.call('HINCRBY', window.key, window.field, negative(window.amount))
      end
    end
  end
  redis.call('HDEL', KEYS[8], ARGV[1])
  redis.call('ZADD', KEYS[5], ARGV[2], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HSET', KEYS[1], 'state', ARGV[3], 'at', ARGV[11])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('HSET', KEYS[6], 'd', ARGV[9], ARGV[10], ARGV[6])
  redis.call('EXPIRE', KEYS[6], ARGV[5])
  return id
end

-- The id of the new entry, or nil and what to answer instead. Without a group, it finds one.
local function record_checked(group)
  local groups
  if not group then
    group, groups = group_to_count()
  end
  local increments, why = checked(group)
  if not increments then
    return nil, redis.error_reply('ERR ' .. why)
  end
  local windows, wrong = checked_windows()
  if not windows then
    return nil, redis.error_reply('ERR ' .. wrong)
  end
  if groups then
    redis.call('SET', KEYS[7], groups, 'EX', ARGV[4])
  end
  return record(increments, group, windows)
end
