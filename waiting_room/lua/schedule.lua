-- Change the times of a room in which nobody can be yet: once its lobby is open, people go by what was said.
-- ARGV: when the lobby opens and when the doors do, in microseconds; a door of 0 opens by hand.
-- Returns {'ok', 1 if they are changed, else 0} or {'room_lost'}.
local room = load_room()
if not room then return {'room_lost'} end
if room.mode ~= 'lobby' or clock() >= room.lobby_at then return {'ok', 0} end
room.lobby_at, room.opens_at = tonumber(ARGV[1]), tonumber(ARGV[2])
save(room, 'lobby_at', 'opens_at')
return {'ok', 1}
