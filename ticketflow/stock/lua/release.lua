-- Purpose: give a user's hold back, exactly once.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, id, user}
-- Returns: {'ok'} or {'hold_gone'} (none of that user's) or {'hold_in_use'} (it is being paid)
local hold = find(ask.id)
if not hold or hold.user ~= ask.user then return {'hold_gone'} end
if hold.state ~= 'held' then return {'hold_in_use'} end
give_back(ask.id, hold)
publish_counts()
return {'ok'}
