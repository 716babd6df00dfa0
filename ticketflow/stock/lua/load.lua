-- Purpose: put an event's stock here from the database, if none is here.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, limit, capacity {type: n}, size {type: n}, sold {type: n}, taken {user: n}, cancelled [booking]},
--       2.. free units of each type
-- Returns: 1 if it was put here, 0 if there was stock already
-- The epoch is the millisecond of the loading: it grows with each, so a client can tell newer from older.
if redis.call('HEXISTS', STOCK, 'epoch') == 1 then return 0 end
for position, type_id in ipairs(ask.types) do
  local name = tostring(type_id)
  redis.call('SET', UNITS[type_id], ARGV[1 + position])
  redis.call('HSET', STOCK,
    'capacity:' .. name, ask.capacity[name], 'size:' .. name, ask.size[name], 'sold:' .. name, ask.sold[name],
    'free:' .. name, redis.call('BITCOUNT', UNITS[type_id]))
end
redis.call('DEL', HOLDS, EXPIRY, TAKEN, VISITS, BASKETS, PENDING, GUESTS, RETURNED)
for user, count in pairs(ask.taken) do
  redis.call('HSET', TAKEN, user, count)
end
for _, booking in ipairs(ask.cancelled) do
  redis.call('SADD', RETURNED, booking)
end
redis.call('HSET', STOCK, 'limit', ask.limit, 'version', 0, 'epoch', text(next_epoch()))
publish_counts()
return 1
