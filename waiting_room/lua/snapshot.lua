-- The frame as it would be now, with the rank map; publishes nothing.
-- ARGV: the room's name.
-- Returns {'ok', frame} or {'room_lost'}.
local name = ARGV[1]

local room = load_room()
if not room then return {'room_lost'} end
return {'ok', frame(name, room, true, clock())}
