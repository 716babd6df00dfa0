-- Begin the journal of a room that has none: it was made before anybody wanted one.
-- Returns {'ok', 1 if it was begun here, else 0} or {'room_lost'}.
local room = load_room()
if not room then return {'room_lost'} end
if journal_kept() then return {'ok', 0} end
begin_journal(room.epoch, clock())
return {'ok', 1}
