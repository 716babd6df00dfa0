-- Purpose: give a hold more time, once, and its turn with it. Everything is checked before the first write.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, id, user, seconds}
-- Returns: {'ok', hold JSON} or {code}: hold_gone, not_found (another's), hold_in_use (it is being paid), already_extended,
--          not_admitted (the turn was given up, so the hold could not be paid for either)
local now = micros()
local hold = find(ask.id)
if not hold then return {'hold_gone'} end
if hold.user ~= ask.user then return {'not_found'} end
if hold.state ~= 'held' then return {'hold_in_use'} end
if tonumber(hold.expires) <= now then return {'hold_gone'} end
if hold.extended then return {'already_extended'} end
if not has_lease(hold.visitor, now) then return {'not_admitted'} end

hold.extended, hold.expires = true, text(tonumber(hold.expires) + ask.seconds * 1000000)
redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
redis.call('ZADD', EXPIRY, hold.expires, ask.id)
let_finish(hold.visitor, hold.user, hold.expires)
return {'ok', cjson.encode(hold)}
