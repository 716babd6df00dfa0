-- Shared by the commands about one fan: where they are, putting them back, and what they are told.
-- A fan is {visitor, order, epoch, draw}: what their signed ticket says, with their draw where it says none;
-- order 0 for one without a ticket.
local function read_fan(args)
  return {
    visitor = args[1], order = tonumber(args[2]), epoch = tonumber(args[3]), draw = tonumber(args[4]),
  }
end

-- Members of `from` (called or active) lose their slot and get time to come back to their old place.
-- A lapsed lease is treated as a missed turn: a phone that died in the checkout is nobody's fault, and
-- whoever returns takes a slot under the cap like anybody else.
local function miss(room, from, visitors, now)
  if #visitors == 0 then return end
  local entries, by = {}, int(now + room.return_us)
  for _, visitor in ipairs(visitors) do
    entries[#entries + 1] = by
    entries[#entries + 1] = visitor
  end
  redis.call('ZADD', missed_key, unpack(entries))
  redis.call('ZREM', from, unpack(visitors))
  if from == called_key then
    redis.call('HDEL', turns_key, unpack(visitors))
    count('missed', #visitors)
    journal(room, now, 'missed', 'who', table.concat(visitors, ' '))
  end
end

-- Since when the fan is gone (done or left), and how. Orders given until then count no more, which is why the
-- entry stays when they start anew: it tells their new ticket from their old one.
local function gone(visitor)
  local done_at, left_at = score(done_key, visitor), score(left_key, visitor)
  if (done_at or 0) > (left_at or 0) then return done_at, 'done' end
  return left_at or 0, 'left'
end

-- Whether an order Redis knows nothing of may stem from a place it has lost. In one and the same epoch an
-- order older than a day cannot be told from one that was done or left and is no longer remembered.
local function may_be_lost(room, fan, now)
  if fan.epoch < room.epoch then return true end
  local given_at = fan.order
  if fan.order < DRAWN then given_at = room.opened_at end
  return given_at == 0 or now - given_at < DAY
end

-- Who comes without a ticket and is known all the same (one account on another device) has an order that nothing
-- here remembers once they were called. It was at most the frontier, which therefore stands in for it: back from
-- a missed turn they are ahead of everybody not called yet, and never ahead of where they were.
local function assume_order(room, fan)
  if fan.order == 0 then fan.order = math.max(room.frontier, 1) end
end

-- The order of a waiting fan. After a loss another device of theirs may have come first, without the ticket, and
-- have taken a new place: the ticket, once it comes, brings the older one back.
local function waiting_order(room, fan, order)
  local older = fan.order > 0 and fan.order < order and fan.epoch < room.epoch
  if not older or fan.order <= (gone(fan.visitor)) then return order end
  redis.call('ZADD', waiting_key, int(fan.order), fan.visitor)
  return fan.order
end

-- Where the fan is: {state, order, till}. Deadlines count at once, swept by a tick or not.
-- 'lost' is who holds a good place that Redis has no trace of.
local function find(room, fan, now)
  for state, key in pairs({active = active_key, called = called_key}) do
    local till = score(key, fan.visitor)
    if till then assume_order(room, fan) end
    if till and till > now then return {state = state, order = fan.order, till = till} end
    if till then miss(room, key, {fan.visitor}, now) end
  end
  local order = score(waiting_key, fan.visitor)
  if order then return {state = 'waiting', order = waiting_order(room, fan, order), till = 0} end
  local till = score(missed_key, fan.visitor)
  if till then assume_order(room, fan) end
  local since, how = gone(fan.visitor)
  local valid = fan.order > since
  if till then return {state = 'missed', order = fan.order, till = till, may_return = valid and now < till} end
  if valid and may_be_lost(room, fan, now) then
    return {state = 'lost', order = fan.order, till = 0, may_return = true}
  end
  return {state = how, order = fan.order, till = 0}
end

-- Back into the line at the order they had.
local function put_back(room, fan)
  redis.call('ZADD', waiting_key, int(fan.order), fan.visitor)
  redis.call('ZREM', missed_key, fan.visitor)
  if fan.order > room.last_order then
    room.last_order = fan.order
    save(room, 'last_order')
  end
  return {state = 'waiting', order = fan.order, till = 0}
end

-- Note an entrant of the draw. Who leaves stays one: their number moves nobody.
local function enter_draw(room, visitor)
  redis.call('APPEND', draw_key, visitor .. '\n')
  if room.opened_at > 0 then redis.call('EXPIRE', draw_key, DRAW_KEPT) end
end

-- A place that was lost with Redis comes back. Where it was drawn, its entry in the draw was lost, too. An order
-- that was assumed may be another's draw, and makes nobody an entrant.
local function restore(room, fan)
  if fan.order == fan.draw then enter_draw(room, fan.visitor) end
  return put_back(room, fan)
end

-- The place of a fan who is only looking: one that was lost with Redis comes back, none is made.
local function find_or_restore(room, fan, now)
  local place = find(room, fan, now)
  if place.state ~= 'lost' then return place end
  if room.mode == 'closed' then return {state = 'closed', order = fan.order, till = 0} end
  return restore(room, fan)
end

-- present is '1' (a live page), '0' (a poll, or the page was closed) or '' (nothing is known).
-- Whoever polls is away between two polls, so most of a long line may be: four bytes of whole seconds, rounded
-- up so that nobody is away too early, keep a million entries small.
local function mark_presence(visitor, present, now)
  if present == '1' then
    redis.call('HDEL', away_key, visitor)
  elseif present == '0' and score(waiting_key, visitor) then
    redis.call('HSET', away_key, visitor, struct.pack('>I4', math.ceil(now / SECOND)))
  end
end

-- The answer Standing.read takes apart; keep the two in step.
local function standing(room, fan, place, new, now)
  local rank = -1
  if place.state == 'waiting' then rank = redis.call('ZRANK', waiting_key, fan.visitor) end
  return {
    'ok', place.state, place.order, rank, place.till, new, redis.call('ZCARD', waiting_key),
    room.epoch, room.mode, room.message, room.opened_at > 0 and 1 or 0, int(room.opens_at), room.rate,
    now < room.recover_until and 1 or 0, room.cap, int(room.slowed_at), room.slower, room.forecast, int(now),
  }
end
