-- Purpose: the numbers of an event's stock at one moment, for the organiser's desk. Writes nothing.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types}
-- Returns: {now (microseconds), epoch, version, per type capacity, free and sold in turn, holds being paid,
--          people who hold or have bought, orders in the stream, the id of the first of them or ''}
local fields = {'epoch', 'version'}
for _, type_id in ipairs(ask.types) do
  for _, noun in ipairs({'capacity:', 'free:', 'sold:'}) do fields[#fields + 1] = noun .. type_id end
end
local first = redis.call('XRANGE', ORDERS, '-', '+', 'COUNT', 1)[1]
return {
  text(micros()), redis.call('HMGET', STOCK, unpack(fields)),
  -- A hold that is being paid has no end: it is the one that does not expire.
  redis.call('HLEN', HOLDS) - redis.call('ZCARD', EXPIRY),
  redis.call('HLEN', TAKEN), redis.call('XLEN', ORDERS), first and first[1] or '',
}
