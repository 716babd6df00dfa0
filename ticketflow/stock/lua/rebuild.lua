-- Purpose: make the stock anew under a new epoch from the tickets in the database and the holds that stand here.
--          It stays closed to new holds until correct.lua has told it of what was sold meanwhile.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, limit, capacity {type: n}, size {type: n}, gaps {type: [[first, last]]}, taken {user: n}, committed {booking: true}, retry_seconds,
--       cancelled [booking]}, 2.. free units of each type as the database has them
--       committed: bookings with tickets whose holds may still be paying here; their tickets count in `taken`
-- Returns: {holds kept, holds ended}
local now = micros()
local known_epoch = redis.call('HGET', STOCK, 'epoch')
local kept, ended = 0, 0
local tally, taken, visits = {}, ask.taken, {}

local function fill(key, map)
  local pairs_of = {}
  for field, value in pairs(map) do
    pairs_of[#pairs_of + 1] = field
    pairs_of[#pairs_of + 1] = value
    if #pairs_of == 2000 then
      redis.call('HSET', key, unpack(pairs_of))
      pairs_of = {}
    end
  end
  if #pairs_of > 0 then redis.call('HSET', key, unpack(pairs_of)) end
end

local function is_there(type_id, unit)
  local name = tostring(type_id)
  for _, gap in ipairs(ask.gaps[name]) do
    if unit >= gap[1] and unit <= gap[2] then return false end
  end
  return unit < ask.size[name]
end

-- A hold of units that there are, or nil.
local function read_known(stored)
  local hold = read(stored)
  for _, unit in ipairs(hold and hold.units or {}) do
    if not is_there(hold.type, unit) then return nil end
  end
  return hold
end

local function all_free(hold)
  for _, unit in ipairs(hold.units) do
    if redis.call('GETBIT', UNITS[hold.type], unit) == 0 then return false end
  end
  return true
end

local function keep(hold_id, hold)
  for _, unit in ipairs(hold.units) do
    redis.call('SETBIT', UNITS[hold.type], unit, 0)
  end
  tally[hold.type] = (tally[hold.type] or 0) + #hold.units
  if not (hold.booking and ask.committed[hold.booking]) then
    taken[hold.user] = (taken[hold.user] or 0) + #hold.units
  end
  visits[hold.visitor] = (visits[hold.visitor] or 0) + 1
  if hold.state == 'held' then redis.call('ZADD', EXPIRY, hold.expires, hold_id) end
  kept = kept + 1
end

local function drop(hold_id, hold)
  redis.call('HDEL', HOLDS, hold_id)
  if hold and redis.call('HGET', BASKETS, hold.user) == hold_id then redis.call('HDEL', BASKETS, hold.user) end
  ended = ended + 1
end

-- A payment under way is somebody's money: it keeps its units, and the database decides whose they are.
-- One whose order is nowhere can end only here: it is a hold again, unless its tickets are written already.
local function keep_paying(hold_id, hold)
  if hold.booking and redis.call('HEXISTS', PENDING, hold.booking) == 1 then
    keep(hold_id, hold)
  elseif hold.booking and ask.committed[hold.booking] then
    drop(hold_id, hold)
  else
    hold.state, hold.booking = 'held', nil
    hold.expires = text(math.max(tonumber(hold.expires), now + ask.retry_seconds * 1000000))
    redis.call('HSET', HOLDS, hold_id, cjson.encode(hold))
    return hold
  end
end

-- An order is in the stream and in PENDING from its submit to its end; where one was lost, the other has it.
-- What is no order was dropped from both before.
local function match_orders()
  local in_stream = {}
  for _, entry in ipairs(redis.call('XRANGE', ORDERS, '-', '+')) do
    local fine, order = pcall(cjson.decode, entry[2][2])
    if fine and type(order) == 'table' and type(order.booking_id) == 'string' then
      in_stream[order.booking_id] = true
      redis.call('HSETNX', PENDING, order.booking_id, entry[2][2])
    end
  end
  local pending = redis.call('HGETALL', PENDING)
  for i = 1, #pending, 2 do
    if not in_stream[pending[i]] then redis.call('XADD', ORDERS, '*', 'order', pending[i + 1]) end
  end
end

redis.call('DEL', STOCK, EXPIRY, TAKEN, VISITS, RETURNED)
for _, booking in ipairs(ask.cancelled) do
  redis.call('SADD', RETURNED, booking)
end
for position, type_id in ipairs(ask.types) do
  redis.call('SET', UNITS[type_id], ARGV[1 + position])
end
match_orders()
local stored, waiting = redis.call('HGETALL', HOLDS), {}
for i = 1, #stored, 2 do
  local hold = read_known(stored[i + 1])
  if hold and hold.state == 'paying' then hold = keep_paying(stored[i], hold)
  elseif not hold then drop(stored[i]) end
  if hold then waiting[#waiting + 1] = {stored[i], hold} end
end
for _, one in ipairs(waiting) do
  if all_free(one[2]) then keep(one[1], one[2]) else drop(one[1], one[2]) end
end

for _, type_id in ipairs(ask.types) do
  local name, free = tostring(type_id), redis.call('BITCOUNT', UNITS[type_id])
  local capacity = ask.capacity[name]
  redis.call('HSET', STOCK, 'capacity:' .. name, capacity, 'size:' .. name, ask.size[name], 'free:' .. name, free,
    'sold:' .. name, capacity - free - (tally[type_id] or 0))
end
fill(TAKEN, taken)
fill(VISITS, visits)
redis.call('HSET', STOCK, 'limit', ask.limit, 'version', 0,
  'epoch', text(next_epoch(known_epoch)),
  'closed_until', text(now + CLOSED_MICROS))
publish_counts()
return {kept, ended}
