-- Turn a call into a lease; asked again, give the same lease. Who missed their turn gets the old place back.
-- ARGV: visitor, order and epoch of the ticket, their draw, the channel of moves.
-- Returns the standing ('active' if the claim succeeded) or {'room_lost'}.
local fan, moves = read_fan(ARGV), ARGV[5]

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
local place = find_or_restore(room, fan, now)
if place.state == 'called' then
  place = {state = 'active', order = place.order, till = now + room.lease_us}
  redis.call('ZADD', active_key, int(place.till), fan.visitor)
  redis.call('ZREM', called_key, fan.visitor)
  redis.call('HDEL', turns_key, fan.visitor)
  redis.call('PUBLISH', moves, fan.visitor)
elseif place.state == 'missed' and place.may_return and room.mode ~= 'closed' then
  place = put_back(room, fan)
end
return standing(room, fan, place, 0, now)
