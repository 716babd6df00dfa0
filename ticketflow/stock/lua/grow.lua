-- Purpose: put units that the database has made for sale. To say it again changes nothing: what stands here is
--          another capacity then.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, type, before, capacity, size, runs [[first, last]]}
-- Returns: {'ok'} or {code}: not_ready, other_stock (what stands here is not what the database had)
local known = redis.call('HMGET', STOCK, 'epoch', 'capacity:' .. ask.type)
if not known[1] then return {'not_ready'} end
if tonumber(known[2]) ~= ask.before then return {'other_stock'} end
local count = 0
for _, run in ipairs(ask.runs) do
  for unit = run[1], run[2] do
    if redis.call('SETBIT', UNITS[ask.type], unit, 1) == 0 then count = count + 1 end
  end
end
add(STOCK, 'free:' .. ask.type, count)
redis.call('HSET', STOCK, 'capacity:' .. ask.type, ask.capacity, 'size:' .. ask.type, ask.size)
publish_counts()
return {'ok'}
