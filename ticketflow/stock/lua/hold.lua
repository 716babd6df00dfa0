-- Purpose: set units aside for one user, all or none. Everything is checked before the first write.
-- KEYS: see common.lua; take.lua finds and takes
-- ARGV: 1 JSON {types, id, type, user, visitor, seconds, amount, fee, currency, quantity | units}
-- Returns: {'ok', hold JSON} or {code} or {code, detail}: not_ready, not_admitted, pass_in_use, limit_exceeded (taken),
--          sold_out (free), unit_taken (unit)
local now = micros()
local units, refused = find_units(now)
if not units then return refused end

local hold = take(units, now, 'held')
redis.call('ZADD', EXPIRY, hold.expires, ask.id)
redis.call('HSET', BASKETS, ask.user, ask.id)
publish_counts()
return {'ok', cjson.encode(hold)}
