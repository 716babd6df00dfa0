-- Purpose: settle orders' holds once the database has their outcomes: paying -> sold, free or held again.
--          Doing it again changes nothing. The orders stay in the stream until their results are told.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, retry_seconds, orders [{booking, id, type, user, visitor, units, outcome, lost}]}
--       id: the hold; outcome: sold | free | held | as_before (held, with no more time); units: those in the database's tickets;
--       lost: those of the hold that the database has sold to somebody else
-- Returns: for each order, the number of holds its visitor still has open after it

-- Marks units as sold that stand here as free: after a rebuild the hold may be gone, and where the
-- database refused a unit the ledger took another.
local function take_free(order)
  local count = 0
  for _, unit in ipairs(order.units) do
    if redis.call('GETBIT', UNITS[order.type], unit) == 1 then
      redis.call('SETBIT', UNITS[order.type], unit, 0)
      count = count + 1
    end
  end
  add(STOCK, 'free:' .. order.type, -count)
  return count
end

local function hold_of(order)
  local hold = find(order.id)
  return hold and hold.booking == order.booking and hold
end

-- The units, per type, that are sold and neither free nor in the holds of those they were sold to.
local function missing_units()
  local missing, any = {}, false
  for _, order in ipairs(ask.orders) do
    local hold, own = hold_of(order), {}
    for _, unit in ipairs(hold and hold.units or {}) do own[unit] = true end
    for _, unit in ipairs(order.outcome == 'sold' and order.units or {}) do
      if not own[unit] and redis.call('GETBIT', UNITS[order.type], unit) == 0 then
        missing[order.type] = missing[order.type] or {}
        missing[order.type][unit], any = true, true
      end
    end
  end
  return any and missing
end

-- After a loss of Redis somebody may hold a unit that the database has sold meanwhile. Such a hold ends
-- here; one that is being paid meets the database, and is settled by what that says.
local function end_holds_of(missing)
  local stored = redis.call('HGETALL', HOLDS)
  for i = 1, #stored, 2 do
    local other = read(stored[i + 1])
    local holds_missing = false
    for _, unit in ipairs(other and missing[other.type] and other.units or {}) do
      holds_missing = holds_missing or missing[other.type][unit]
    end
    if holds_missing and other.state == 'held' then give_back(stored[i], other) end
  end
end

local function sell(order, hold)
  local found_free = take_free(order)
  if hold then
    forget(order.id, hold)
    -- Each unit that was held is sold now: to this booking or, where the database refused it, to another.
    add(STOCK, 'sold:' .. order.type, #hold.units + found_free)
  elseif found_free > 0 then
    add(STOCK, 'sold:' .. order.type, found_free)
    add(TAKEN, order.user, found_free)
  end
end

local function set_free(order, hold)
  give_back(order.id, hold)
  for _, unit in ipairs(order.lost) do
    redis.call('SETBIT', UNITS[order.type], unit, 0)
  end
  add(STOCK, 'free:' .. order.type, -#order.lost)
  add(STOCK, 'sold:' .. order.type, #order.lost)
end

-- Leaves time for another card, but never more than `retry_seconds` after the hold's first end (or after its
-- first refusal, where the bank took longer than that): else refusals could hold tickets for ever.
local function keep_held(order, hold)
  local now, retry, expires = micros(), ask.retry_seconds * 1000000, tonumber(hold.expires)
  hold.latest = hold.latest or text(math.max(expires, now) + retry)
  if order.outcome == 'held' then expires = math.max(expires, math.min(now + retry, tonumber(hold.latest))) end
  hold.state, hold.booking, hold.expires = 'held', nil, text(expires)
  hold.refused = hold.refused or {}
  table.insert(hold.refused, order.booking) -- submit.lua takes no order of a booking that is decided
  redis.call('HSET', HOLDS, order.id, cjson.encode(hold))
  redis.call('ZADD', EXPIRY, text(expires), order.id)
  redis.call('ZADD', LEASES, 'XX', 'GT', text(expires), hold.visitor)
end

local function settle(order)
  local hold = hold_of(order)
  if order.outcome == 'sold' then
    sell(order, hold)
  elseif hold and order.outcome == 'free' then
    set_free(order, hold)
  elseif hold and hold.state == 'paying' then
    keep_held(order, hold)
  end
  local left = tonumber(redis.call('HGET', VISITS, order.visitor) or 0)
  if left == 0 then redis.call('HDEL', GUESTS, order.visitor) end
  return left
end

-- A booking that was cancelled, and its units went back before its order was settled, as after a loss of Redis.
for _, order in ipairs(ask.orders) do
  local given_back = redis.call('SISMEMBER', RETURNED, order.booking) == 1
  if given_back and order.outcome == 'sold' then order.outcome = 'free' end
end
-- What cannot be read is found here, before the first write.
local missing = missing_units()
if missing then end_holds_of(missing) end
local left = {}
for position, order in ipairs(ask.orders) do
  left[position] = settle(order)
end
if redis.call('EXISTS', STOCK) == 1 then publish_counts() end
return left
