-- Purpose: putting an order onto the stream, for the scripts that do; put before each of them.
-- ARGV: of `ask`: {id, booking, hash, method, keep_hold, stream_limit, event_id}

-- {'known', request hash} if this booking is on its way already.
local function on_its_way()
  local known = redis.call('HGET', PENDING, ask.booking)
  return known and {'known', cjson.decode(known).request_hash}
end

local function stream_is_full()
  return redis.call('XLEN', ORDERS) >= ask.stream_limit
end

-- Hands a hold that is being paid to the ledger. No hold ends while it is being paid.
local function submit(hold, now)
  local order = cjson.encode({
    booking_id = ask.booking, request_hash = ask.hash, hold_id = ask.id, event_id = ask.event_id,
    user_id = hold.user, visitor = hold.visitor, ticket_type_id = hold.type, units = hold.units,
    amount = hold.amount, fee = hold.fee, currency = hold.currency, method = ask.method, keep_hold = ask.keep_hold,
    submitted_at = text(now),
  })
  redis.call('HSET', PENDING, ask.booking, order)
  redis.call('XADD', ORDERS, '*', 'order', order)
end
