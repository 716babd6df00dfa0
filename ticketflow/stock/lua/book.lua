-- Purpose: hold and submit in one step: units from free to paying, and the order onto the stream. Everything is
--          checked before the first write.
-- KEYS: see common.lua; take.lua finds and takes, order.lua writes the order
-- ARGV: 1 JSON {types, id, type, user, visitor, seconds, amount, fee, currency, quantity | units,
--               booking, hash, method, keep_hold, stream_limit, event_id}
-- Returns: {'ok'}; {'known', request hash} if this booking is on its way already; or {code} or {code, detail}:
--          what hold.lua refuses with, and busy (the stream is full)
local known = on_its_way()
if known then return known end

local now = micros()
local units, refused = find_units(now)
if not units then return refused end
if stream_is_full() then return {'busy'} end

-- It is no basket: nobody comes back to a hold that is being paid from the start, and it has no time to run out.
submit(take(units, now, 'paying', ask.booking), now)
publish_counts()
return {'ok'}
