-- Purpose: show all of an event's stock as it is at one moment, for the auditor. Writes nothing.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types}
-- Returns: {now (microseconds), 1 if it is closed or 0, stock, holds, expiry, taken, visits as flat pairs, ids of pending bookings,
--          number of orders in the stream, free units of each type in hex}
local now, bits = micros(), {}
for position, type_id in ipairs(ask.types) do
  bits[position] = string.gsub(redis.call('GET', UNITS[type_id]) or '', '.', function(byte)
    return string.format('%02x', string.byte(byte))
  end)
end
return {
  text(now), is_closed(redis.call('HGET', STOCK, 'closed_until'), now) and 1 or 0, redis.call('HGETALL', STOCK), redis.call('HGETALL', HOLDS),
  redis.call('ZRANGE', EXPIRY, 0, -1, 'WITHSCORES'), redis.call('HGETALL', TAKEN), redis.call('HGETALL', VISITS),
  redis.call('HKEYS', PENDING), redis.call('XLEN', ORDERS), bits,
}
