-- Take a place in the line, or find the one there is: as often as it is called, one visitor has one place.
-- ARGV: visitor, order and epoch of the ticket (order 0: no ticket), their draw, present ('1' or '0'),
--       then in turn the name of a source the join comes from, and how many new places it may take in a minute.
-- Returns the standing, {'room_lost'}, {'room_closed', message}, {'not_open'} or
-- {'too_many_joins', seconds, source}.
local fan, present = read_fan(ARGV), ARGV[5]
local sources = {unpack(ARGV, 6)}

-- An order for who starts anew. Any earlier order of theirs counts no more, unless it is the same draw.
local function new_place(room, now)
  if room.opened_at == 0 then
    fan.order = fan.draw
    -- Who left the lobby and comes back is in the draw already.
    if redis.call('ZREM', left_key, fan.visitor) == 0 then enter_draw(room, fan.visitor) end
    redis.call('ZREM', done_key, fan.visitor)
  else
    if fan.order > 0 then redis.call('ZADD', left_key, int(math.max(now, room.last_order)), fan.visitor) end
    fan.order = math.max(now, room.last_order) + 1
  end
  return put_back(room, fan)
end

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
local place = find(room, fan, now)
local new = 0
local placed = place.state == 'waiting' or place.state == 'called' or place.state == 'active'
if not placed then
  if room.mode == 'closed' then return {'room_closed', room.message} end
  if place.state == 'lost' then
    place = restore(room, fan)
  elseif place.may_return then
    place = put_back(room, fan)
  else
    if room.mode == 'lobby' and now < room.lobby_at then return {'not_open'} end
    local seconds, source = count_join(sources, now)
    if seconds then return {'too_many_joins', seconds, source} end
    place, new = new_place(room, now), 1
    count('joins', 1)
  end
end
mark_presence(fan.visitor, present, now)

-- A quiet sale shows no queue: who is alone in the line need not wait for the tick.
if place.state == 'waiting' and redis.call('ZCARD', waiting_key) == 1 then
  refill(room, now)
  if slots(room, now) > 0 and admit(room, 1, now, 'at_once') == 1 then
    place = {state = 'called', order = place.order, till = now + room.claim_us}
  end
end
return standing(room, fan, place, new, now)
