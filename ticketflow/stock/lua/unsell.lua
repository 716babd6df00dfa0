-- Purpose: give the units of a cancelled booking back, exactly once, however often it is asked.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, booking, type, user, units}
-- Returns: 'done' (now or before); 'not_ready' (no stock here: `load` will count the units as free);
--          'settling' (the booking's own order is not told yet: sold comes first, given back second)
-- RETURNED names each booking whose units are not counted as sold here any more: this script adds it,
-- `load` begins with all that the database had cancelled when it was read.
if redis.call('HEXISTS', STOCK, 'epoch') == 0 then return 'not_ready' end
if redis.call('HEXISTS', PENDING, ask.booking) == 1 then return 'settling' end
if redis.call('SADD', RETURNED, ask.booking) == 0 then return 'done' end
local count = 0
for _, unit in ipairs(ask.units) do
  if redis.call('SETBIT', UNITS[ask.type], unit, 1) == 0 then count = count + 1 end
end
add(STOCK, 'free:' .. ask.type, count)
add(STOCK, 'sold:' .. ask.type, -count)
add(TAKEN, ask.user, -math.min(count, tonumber(redis.call('HGET', TAKEN, ask.user) or 0)))
publish_counts()
return 'done'
