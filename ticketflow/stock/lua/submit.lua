-- Purpose: turn a hold into an order: held -> paying, and the order onto the stream, in one step.
-- KEYS: see common.lua; order.lua writes the order
-- ARGV: 1 JSON {types, id, user, booking, hash, method, keep_hold, stream_limit, event_id}
-- Returns: {'ok'}; {'known', request hash} if this booking is on its way already; or {code}:
--          hold_gone (also for a booking refused with this hold before), hold_in_use (paid by another booking), not_admitted, busy (the stream is full)
local known = on_its_way()
if known then return known end

local now = micros()
local hold = find(ask.id)
if not hold or hold.user ~= ask.user then return {'hold_gone'} end
if hold.state ~= 'held' then return {'hold_in_use'} end
if tonumber(hold.expires) <= now then return {'hold_gone'} end
for _, refused in ipairs(hold.refused or {}) do
  if refused == ask.booking then return {'hold_gone'} end -- decided: the database knows how it ended
end
if not has_lease(hold.visitor, now) then return {'not_admitted'} end
if stream_is_full() then return {'busy'} end

hold.state, hold.booking = 'paying', ask.booking
redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
redis.call('ZREM', EXPIRY, ask.id) -- no hold ends while it is being paid
submit(hold, now)
return {'ok'}
