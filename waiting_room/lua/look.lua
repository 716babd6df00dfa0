-- Where a fan is. Makes no place; one that was lost with Redis comes back.
-- ARGV: visitor, order and epoch of the ticket, their draw, present ('1', '0' or '').
-- Returns the standing or {'room_lost'}.
local fan, present = read_fan(ARGV), ARGV[5]

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
local place = find_or_restore(room, fan, now)
mark_presence(fan.visitor, present, now)
return standing(room, fan, place, 0, now)
