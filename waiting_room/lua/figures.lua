-- The frame as it would be now, without a rank map, and the tally of the same moment; publishes nothing.
-- ARGV: the room's name.
-- Returns {'ok', frame, the tally's field and value in turn} or {'room_lost'}.
local name = ARGV[1]

local room = load_room()
if not room then return {'room_lost'} end
return {'ok', frame(name, room, false, clock()), unpack(redis.call('HGETALL', tally_key))}
