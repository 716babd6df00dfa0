-- Purpose: tell a stock just rebuilt what was sold and given back while it was, and open it to holds again.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, sold [[type, user, unit]], freed [[type, user, unit]], cancelled [booking]}
-- Returns: how many units were put right
if redis.call('HEXISTS', STOCK, 'epoch') == 0 then return 0 end
local count = 0

local function move(type_id, user, unit, bit)
  if redis.call('GETBIT', UNITS[type_id], unit) == bit then return end
  redis.call('SETBIT', UNITS[type_id], unit, bit)
  local to_free = bit == 1 and 1 or -1
  add(STOCK, 'free:' .. type_id, to_free)
  add(STOCK, 'sold:' .. type_id, -to_free)
  add(TAKEN, user, -to_free)
  count = count + 1
end

for _, sold in ipairs(ask.sold) do
  move(sold[1], sold[2], sold[3], 0)
end
if #ask.freed > 0 then
  local in_hold = {}
  for _, stored in ipairs(redis.call('HVALS', HOLDS)) do
    local hold = read(stored)
    for _, unit in ipairs(hold and hold.units or {}) do
      in_hold[hold.type .. ':' .. unit] = true
    end
  end
  for _, freed in ipairs(ask.freed) do
    if not in_hold[freed[1] .. ':' .. freed[3]] then move(freed[1], freed[2], freed[3], 1) end
  end
end
-- Their units are free from here on; to give them back once more would take them from who holds them then.
for _, booking in ipairs(ask.cancelled) do
  redis.call('SADD', RETURNED, booking)
end
redis.call('HDEL', STOCK, 'closed_until')
publish_counts()
return count
