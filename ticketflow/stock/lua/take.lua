-- Purpose: finding units for a user and taking them, for the scripts that do; put before each of them.
-- ARGV: of `ask`: {id, type, user, visitor, seconds, amount, fee, currency, quantity | units}
local OPENINGS = 16 -- where adjacent units are looked for before any free units will do

local units_key = UNITS[ask.type]
local wanted = ask.units and #ask.units or ask.quantity

-- The first free unit from there on, or nil. Ones beyond the last, as after a slip by hand, are no units.
local function next_free(from, size)
  local unit = redis.call('BITPOS', units_key, 1, from, -1, 'BIT')
  return unit >= 0 and unit < size and unit or nil
end

local function run_from(first, length)
  local run = {}
  for offset = 0, length - 1 do
    run[#run + 1] = first + offset
  end
  return run
end

local function adjacent(size)
  local from = 0
  for _ = 1, OPENINGS do
    local first = next_free(from, size)
    if not first then return nil end
    local gap = redis.call('BITPOS', units_key, 0, first, -1, 'BIT')
    if gap < 0 or gap > size then gap = size end
    if gap - first >= wanted then return run_from(first, wanted) end
    if gap >= size then return nil end
    from = gap
  end
end

local function any_free(size)
  local units, from = {}, 0
  for _ = 1, wanted do
    local unit = next_free(from, size)
    if not unit then return nil end
    units[#units + 1] = unit
    from = unit + 1
  end
  return units
end

-- The units the user may have, or nil and the refusal. Nothing is written.
local function find_units(now)
  local known = redis.call('HMGET', STOCK,
    'epoch', 'limit', 'capacity:' .. ask.type, 'free:' .. ask.type, 'closed_until', 'size:' .. ask.type)
  if not known[1] or not known[3] then return nil, {'not_ready'} end
  if is_closed(known[5], now) then return nil, {'not_ready'} end -- it is being rebuilt
  -- Without a size of its own the type has never lost units: then it is the capacity.
  local limit, size, free = tonumber(known[2]), tonumber(known[6] or known[3]), tonumber(known[4])

  if not has_lease(ask.visitor, now) then return nil, {'not_admitted'} end
  -- One turn, one account: else a pass handed round would let any number of accounts in on one admission.
  local guest, guest_until = (redis.call('HGET', GUESTS, ask.visitor) or ''):match('^(%S+) (%S+)$')
  if guest and guest ~= ask.user and tonumber(guest_until) > now then return nil, {'pass_in_use'} end
  local taken = tonumber(redis.call('HGET', TAKEN, ask.user) or 0)
  if taken + wanted > limit then return nil, {'limit_exceeded', taken} end

  if ask.units then
    for _, unit in ipairs(ask.units) do
      if unit >= size or redis.call('GETBIT', units_key, unit) == 0 then return nil, {'unit_taken', unit} end
    end
    return ask.units
  end
  if free < wanted then return nil, {'sold_out', free} end
  local units = (wanted > 1 and adjacent(size)) or any_free(size)
  if not units then return nil, {'sold_out', 0} end -- the count promised more than the bits have
  return units
end

-- Takes units that were found, in a new hold, which it gives. How the hold ends is the caller's to say.
local function take(units, now, state, booking)
  local expires = text(now + ask.seconds * 1000000)
  local hold = {
    user = ask.user, visitor = ask.visitor, type = ask.type, units = units,
    amount = ask.amount, fee = ask.fee, currency = ask.currency, expires = expires, state = state,
    booking = booking,
  }
  for _, unit in ipairs(units) do
    redis.call('SETBIT', units_key, unit, 0)
  end
  add(STOCK, 'free:' .. ask.type, -wanted)
  redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
  add(TAKEN, ask.user, wanted)
  add(VISITS, ask.visitor, 1)
  let_finish(ask.visitor, ask.user, expires)
  return hold
end
