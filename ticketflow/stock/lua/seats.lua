-- Purpose: one look at an event's seats: the free units of some types, and all holds, of one moment.
-- KEYS: 1 stock, 2 holds, 3.. units of each type asked for
-- Returns: {epoch, version, holds (JSON each), units of each type}; {} while there is no stock here
local epoch, version = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'version'))
if not epoch then return {} end
local found = {epoch, version, redis.call('HVALS', KEYS[2])}
for position = 3, #KEYS do
  found[position + 1] = redis.call('GET', KEYS[position]) or ''
end
return found
