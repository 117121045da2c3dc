-- Holds the worst case of one attempt, in every budget that it counts in. One hold per attempt id; nothing is
-- held when it is refused.
-- KEYS  1 attempt  2 holds  3 version of thresholds, keys and budgets  4 windows  5 what attempts hold of
--       budgets  6… what is left of each budget's window
-- ARGV  1 attempt id  2 version the caller decided with ('' = any)  3 expiry, ms
--       4 entry to write if the holder dies  5 decision to write with it  6 how many budgets; of each then
--       name of its window, unit, start ms, end ms, step ms (0 but of a rolling one), limit, amount to hold,
--       '1' where it is hard, the values it is the budget of, ms to keep the window after its end
-- ANSWER {'held', ms of the store's time, what is held of budgets, left of each…} | {'stale', version in force}
--        | {'exists', state, ms, what is held of budgets} | {'when', ms}: the windows are another moment's
--        | {'refused', ms, of each hard budget that is too small: number, left, ms when more may be left…}
-- The hold has no TTL: it stays until somebody settles or reaps it, however long nobody runs.
-- No arithmetic on money here: what is left is a field to which HINCRBY adds strings, and of its answers only
-- the sign is looked at, which in a double is exact. What is told of what is left is for people.
local LARGEST = 9.2e18 -- below 2^63 by more than a double's error at that size
local FIRST, WORDS, BUCKETS = 7, 10, 60
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = string.format('%d', now)

local function negative(amount)
  if amount == '0' then
    return amount -- '-0' is no number to the store
  end
  return string.sub(amount, 1, 1) == '-' and string.sub(amount, 2) or '-' .. amount
end

local function size(text)
  return string.find(text, '^%-?%d+$') and #text <= 20 and math.abs(tonumber(text)) or nil
end

-- What is asked of one budget; nil and what to answer where it cannot be held. Writes nothing.
local function claim(number)
  local word = FIRST + (number - 1) * WORDS
  local one = {
    key = KEYS[5 + number], name = ARGV[word], unit = ARGV[word + 1], start = ARGV[word + 2],
    finish = ARGV[word + 3], step = tonumber(ARGV[word + 4]), limit = ARGV[word + 5],
    amount = ARGV[word + 6], hard = ARGV[word + 7] == '1', of = ARGV[word + 8], keep = tonumber(ARGV[word + 9])
  }
  if one.step == 0 and (now < tonumber(one.start) or now >= tonumber(one.finish)) then
    return nil, { 'when', at }
  end
  one.bucket = one.step == 0 and 0 or math.floor(now / one.step)
  local found = redis.call('HMGET', one.key, 'left', 'limit', 'from')
  one.left, one.counted_from, one.from = found[1], found[2], tonumber(found[3] or '')
  local sizes = 0
  for _, text in ipairs({ one.left or '0', one.counted_from or '0', one.limit, one.amount }) do
    if not size(text) then
      return nil, redis.error_reply('ERR what is left of budget window ' .. one.name ..
        ' is not a whole number; run `pennyroute ledger verify --repair`')
    end
    sizes = sizes + size(text)
  end
  if sizes > LARGEST then
    return nil, redis.error_reply('ERR budget window ' .. one.name .. ' cannot hold ' .. one.amount .. ' more')
  end
  return one
end

-- Gives back what was used in parts of a rolling window that have left it.
local function sweep(one)
  local oldest = one.bucket - BUCKETS + 1
  local fields = {}
  if one.from and oldest - one.from > BUCKETS then
    fields = redis.call('HKEYS', one.key)
  elseif one.from then
    for bucket = one.from, oldest - 1 do
      fields[#fields + 1] = 'b' .. string.format('%d', bucket)
    end
  end
  for _, field in ipairs(fields) do
    local bucket = tonumber(string.match(field, '^b(%d+)$') or '')
    local used = bucket and bucket < oldest and redis.call('HGET', one.key, field)
    if used then
      redis.call('HINCRBY', one.key, 'left', used)
      redis.call('HDEL', one.key, field)
    end
  end
  redis.call('HSET', one.key, 'from', string.format('%d', oldest)) -- less than before where the clock went back
end

-- Opens a window with its whole limit, or brings an open one to the limit in force.
local function open(one)
  if not one.left then
    redis.call('HSET', one.key, 'left', one.limit, 'limit', one.limit, 'unit', one.unit, 'of', one.of,
      'start', one.start, 'end', one.finish, 'step', string.format('%d', one.step))
  elseif one.counted_from ~= one.limit then
    redis.call('HINCRBY', one.key, 'left', one.limit)
    redis.call('HINCRBY', one.key, 'left', negative(one.counted_from))
    redis.call('HSET', one.key, 'limit', one.limit)
  end
  if one.step > 0 then
    sweep(one)
  end
  if one.step > 0 or not one.left then
    local finish = one.step > 0 and now + one.step * BUCKETS or tonumber(one.finish)
    local gone = string.format('%d', finish + one.keep)
    redis.call('PEXPIREAT', one.key, gone)
    redis.call('ZADD', KEYS[4], gone, one.name)
    for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', at, 'LIMIT', 0, 10)) do
      redis.call('ZREM', KEYS[4], old)
    end
  end
end

-- When more may be left than now.
local function more_at(one)
  if one.step == 0 then
    return one.finish
  end
  for bucket = one.bucket - BUCKETS + 1, one.bucket do
    local used = redis.call('HGET', one.key, 'b' .. string.format('%d', bucket))
    if used and used ~= '0' then
      return string.format('%d', (bucket + BUCKETS) * one.step)
    end
  end
  return string.format('%d', (one.bucket + 1) * one.step)
end

local found = redis.call('HMGET', KEYS[1], 'state', 'at')
redis.call('ZCARD', KEYS[2]) -- refuses keys of other types before the first write
redis.call('ZCARD', KEYS[4])
local held = redis.call('HGET', KEYS[5], ARGV[1])
if found[1] then
  return { 'exists', found[1], found[2], held or '' }
end
if ARGV[2] ~= '' then
  local version = redis.call('GET', KEYS[3]) or '0'
  if version ~= ARGV[2] then
    return { 'stale', version }
  end
end
local claims = {}
for number = 1, tonumber(ARGV[6]) do
  local one, instead = claim(number)
  if not one then
    return instead
  end
  claims[number] = one
end

local refused, lefts, lines = { 'refused', at }, {}, {}
for number, one in ipairs(claims) do
  open(one)
  lefts[number] = redis.call('HINCRBY', one.key, 'left', negative(one.amount))
  if one.hard and lefts[number] < 0 and one.amount ~= '0' then
    refused[#refused + 1] = string.format('%d', number)
  end
end
if #refused > 2 then
  for _, one in ipairs(claims) do
    redis.call('HINCRBY', one.key, 'left', one.amount)
  end
  local answer = { 'refused', at }
  for which = 3, #refused do
    local one = claims[tonumber(refused[which])]
    answer[#answer + 1] = refused[which]
    answer[#answer + 1] = redis.call('HGET', one.key, 'left')
    answer[#answer + 1] = more_at(one)
  end
  return answer
end
for _, one in ipairs(claims) do
  local bucket = string.format('%d', one.bucket)
  if one.step > 0 then
    redis.call('HINCRBY', one.key, 'b' .. bucket, one.amount)
  end
  lines[#lines + 1] = one.name .. ' ' .. one.unit .. ' ' .. bucket .. ' ' .. one.amount .. '\n'
end
held = table.concat(lines)
if held ~= '' then
  redis.call('HSET', KEYS[5], ARGV[1], held)
end
redis.call('HSET', KEYS[1], 'state', 'held', 'at', at, 'entry', ARGV[4], 'decision', ARGV[5])
redis.call('ZADD', KEYS[2], string.format('%d', now + tonumber(ARGV[3])), ARGV[1])
return { 'held', at, held, unpack(lefts) }
