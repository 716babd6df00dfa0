-- Purpose: set units aside for one user, all or none. Everything is checked before the first write.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, id, type, user, visitor, seconds, amount, fee, currency, quantity | units}
-- Returns: {'ok', hold JSON} or {code} or {code, detail}: not_ready, not_admitted, pass_in_use, limit_exceeded (taken),
--          sold_out (free), unit_taken (unit)
local OPENINGS = 16 -- where adjacent units are looked for before any free units will do

local units_key = UNITS[ask.type]
local wanted = ask.units and #ask.units or ask.quantity

local function next_free(from)
  return redis.call('BITPOS', units_key, 1, from, -1, 'BIT')
end

local function run_from(first, length)
  local run = {}
  for offset = 0, length - 1 do
    run[#run + 1] = first + offset
  end
  return run
end

local function adjacent(capacity)
  local from = 0
  for _ = 1, OPENINGS do
    local first = next_free(from)
    if first < 0 then return nil end
    local gap = redis.call('BITPOS', units_key, 0, first, -1, 'BIT')
    if gap < 0 then gap = capacity end
    if gap - first >= wanted then return run_from(first, wanted) end
    if gap >= capacity then return nil end
    from = gap
  end
end

local function any_free()
  local units, from = {}, 0
  for _ = 1, wanted do
    local unit = next_free(from)
    if unit < 0 then return nil end
    units[#units + 1] = unit
    from = unit + 1
  end
  return units
end

local now = micros()
local known = redis.call('HMGET', STOCK, 'epoch', 'limit', 'capacity:' .. ask.type, 'free:' .. ask.type)
if not known[1] or not known[3] then return {'not_ready'} end
local limit, capacity, free = tonumber(known[2]), tonumber(known[3]), tonumber(known[4])

if not has_lease(ask.visitor, now) then return {'not_admitted'} end
-- One turn, one account: else a pass handed round would let any number of accounts in on one admission.
local guest, guest_until = (redis.call('HGET', GUESTS, ask.visitor) or ''):match('^(%S+) (%S+)$')
if guest and guest ~= ask.user and tonumber(guest_until) > now then return {'pass_in_use'} end
local taken = tonumber(redis.call('HGET', TAKEN, ask.user) or 0)
if taken + wanted > limit then return {'limit_exceeded', taken} end

local units = ask.units
if units then
  for _, unit in ipairs(units) do
    if unit >= capacity or redis.call('GETBIT', units_key, unit) == 0 then return {'unit_taken', unit} end
  end
else
  if free < wanted then return {'sold_out', free} end
  units = (wanted > 1 and adjacent(capacity)) or any_free()
  if not units then return {'sold_out', 0} end -- the count promised more than the bits have
end

local expires = now + ask.seconds * 1000000
local hold = cjson.encode({
  user = ask.user, visitor = ask.visitor, type = ask.type, units = units,
  amount = ask.amount, fee = ask.fee, currency = ask.currency, expires = text(expires), state = 'held',
})
for _, unit in ipairs(units) do
  redis.call('SETBIT', units_key, unit, 0)
end
add(STOCK, 'free:' .. ask.type, -wanted)
redis.call('HSET', HOLDS, ask.id, hold)
redis.call('ZADD', EXPIRY, text(expires), ask.id)
add(TAKEN, ask.user, wanted)
add(VISITS, ask.visitor, 1)
redis.call('HSET', BASKETS, ask.user, ask.id)
-- Who holds tickets is let finish: the lease lasts as long as the hold.
redis.call('ZADD', LEASES, 'GT', text(expires), ask.visitor)
redis.call('HSET', GUESTS, ask.visitor, ask.user .. ' ' .. redis.call('ZSCORE', LEASES, ask.visitor))
publish_counts()
return {'ok', hold}
