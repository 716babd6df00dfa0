-- Purpose: settle an order's hold once the database has its outcome: paying -> sold, free or held again.
--          Doing it again changes nothing. The order stays in the stream until its result is told.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, booking, id, type, user, visitor, units, outcome, lost, retry_seconds}
--       outcome: sold | free | held; units: those in the database's tickets;
--       lost: those of the hold that the database has sold to somebody else
-- Returns: the number of holds the visitor still has open
local hold = find(ask.id)
local mine = hold and hold.booking == ask.booking

-- Marks units as sold that stand here as free: after a rebuild the hold may be gone, and where the
-- database refused a unit the ledger took another.
local function take_free()
  local count = 0
  for _, unit in ipairs(ask.units) do
    if redis.call('GETBIT', UNITS[ask.type], unit) == 1 then
      redis.call('SETBIT', UNITS[ask.type], unit, 0)
      count = count + 1
    end
  end
  add(STOCK, 'free:' .. ask.type, -count)
  return count
end

-- After a loss of Redis somebody may hold a unit that the database has sold meanwhile. Such a hold ends
-- here; one that is being paid meets the database, and is settled by what that says.
local function end_holds_of_sold()
  local missing = {}
  for _, unit in ipairs(ask.units) do
    missing[unit] = redis.call('GETBIT', UNITS[ask.type], unit) == 0
  end
  for _, unit in ipairs(mine and hold.units or {}) do
    missing[unit] = false
  end
  local any = false
  for _, is_missing in pairs(missing) do any = any or is_missing end
  if not any then return end
  local stored = redis.call('HGETALL', HOLDS)
  for i = 1, #stored, 2 do
    local other, holds_sold = cjson.decode(stored[i + 1]), false
    for _, unit in ipairs(other.units) do
      holds_sold = holds_sold or (other.type == ask.type and missing[unit])
    end
    if holds_sold and other.state == 'held' then give_back(stored[i], other) end
  end
end

-- The booking was cancelled and its units went back before its order was settled, as after a loss of Redis.
if redis.call('SISMEMBER', RETURNED, ask.booking) == 1 and ask.outcome == 'sold' then ask.outcome = 'free' end

if ask.outcome == 'sold' then
  end_holds_of_sold()
  local found_free = take_free()
  if mine then
    forget(ask.id, hold)
    -- Each unit that was held is sold now: to this booking or, where the database refused it, to another.
    add(STOCK, 'sold:' .. ask.type, #hold.units + found_free)
  elseif found_free > 0 then
    add(STOCK, 'sold:' .. ask.type, found_free)
    add(TAKEN, ask.user, found_free)
  end
elseif mine and ask.outcome == 'free' then
  give_back(ask.id, hold)
  for _, unit in ipairs(ask.lost) do
    redis.call('SETBIT', UNITS[ask.type], unit, 0)
  end
  add(STOCK, 'free:' .. ask.type, -#ask.lost)
  add(STOCK, 'sold:' .. ask.type, #ask.lost)
elseif mine and hold.state == 'paying' then
  local expires = math.max(tonumber(hold.expires), micros() + ask.retry_seconds * 1000000)
  hold.state, hold.booking, hold.expires = 'held', nil, text(expires)
  redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
  redis.call('ZADD', EXPIRY, text(expires), ask.id)
  redis.call('ZADD', LEASES, 'XX', 'GT', text(expires), hold.visitor)
end
local left = tonumber(redis.call('HGET', VISITS, ask.visitor) or 0)
if left == 0 then redis.call('HDEL', GUESTS, ask.visitor) end
if redis.call('EXISTS', STOCK) == 1 then publish_counts() end
return left
