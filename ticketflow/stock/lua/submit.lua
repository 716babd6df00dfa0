-- Purpose: turn a hold into an order: held -> paying, and the order onto the stream, in one step.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, id, user, booking, hash, method, keep_hold, stream_limit, event_id}
-- Returns: {'ok'}; {'known', request hash} if this booking is on its way already; or {code}:
--          hold_gone, hold_in_use (paid by another booking), not_admitted, busy (the stream is full)
local known = redis.call('HGET', PENDING, ask.booking)
if known then return {'known', cjson.decode(known).request_hash} end

local now = micros()
local hold = find(ask.id)
if not hold or hold.user ~= ask.user then return {'hold_gone'} end
if hold.state ~= 'held' then return {'hold_in_use'} end
if tonumber(hold.expires) <= now then return {'hold_gone'} end
if not has_lease(hold.visitor, now) then return {'not_admitted'} end
if redis.call('XLEN', ORDERS) >= ask.stream_limit then return {'busy'} end

hold.state, hold.booking = 'paying', ask.booking
local order = cjson.encode({
  booking_id = ask.booking, request_hash = ask.hash, hold_id = ask.id, event_id = ask.event_id,
  user_id = hold.user, visitor = hold.visitor, ticket_type_id = hold.type, units = hold.units,
  amount = hold.amount, fee = hold.fee, currency = hold.currency, method = ask.method, keep_hold = ask.keep_hold,
  submitted_at = text(now),
})
redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
redis.call('ZREM', EXPIRY, ask.id) -- no hold ends while it is being paid
redis.call('HSET', PENDING, ask.booking, order)
redis.call('XADD', ORDERS, '*', 'order', order)
return {'ok'}
