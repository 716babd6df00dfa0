-- Purpose: take free units of a type out of the sale, the highest first. None that is held, being paid for or
--          sold is touched: each of them is safe from this script as it is from any other.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, type, before, capacity, gaps [[first, last]]}: the capacity that is, and that is wanted
-- Returns: {'ok', [first, last, first, last...]}: the runs that were taken out; or {code} or {code, detail}:
--          not_ready, other_stock (what stands here is not what the database has), below_sold (units in use)
local known = redis.call('HMGET', STOCK, 'epoch', 'capacity:' .. ask.type, 'free:' .. ask.type, 'size:' .. ask.type)
if not known[1] then return {'not_ready'} end
if tonumber(known[2]) ~= ask.before then return {'other_stock'} end
local wanted, free = ask.before - ask.capacity, tonumber(known[3]) or -1
if free < wanted then return {'below_sold', ask.before - free} end

local bits = redis.call('GET', UNITS[ask.type]) or ''
local function is_free(unit)
  local byte = string.byte(bits, math.floor(unit / 8) + 1) or 0
  return math.floor(byte / 2 ^ (7 - unit % 8)) % 2 == 1
end

-- From the top down, past the gaps. `top` is the highest unit that stays.
local runs, found, top, gap = {}, 0, -1, #ask.gaps
local unit = tonumber(known[4] or known[2]) - 1
while unit >= 0 and (found < wanted or top < 0) do
  if gap > 0 and unit <= ask.gaps[gap][2] then
    unit, gap = ask.gaps[gap][1], gap - 1
  elseif found < wanted and is_free(unit) then
    found = found + 1
    if #runs > 0 and runs[#runs - 1] == unit + 1 then
      runs[#runs - 1] = unit
    else
      runs[#runs + 1], runs[#runs + 2] = unit, unit
    end
  else
    top = math.max(top, unit)
  end
  unit = unit - 1
end
if found < wanted then return {'other_stock'} end -- the count promised more than the bits have

for i = 1, #runs, 2 do
  for one = runs[i], runs[i + 1] do
    redis.call('SETBIT', UNITS[ask.type], one, 0)
  end
end
add(STOCK, 'free:' .. ask.type, -found)
redis.call('HSET', STOCK, 'capacity:' .. ask.type, ask.capacity, 'size:' .. ask.type, top + 1)
publish_counts()
return {'ok', runs}
