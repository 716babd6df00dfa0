-- Extend a lease by its full length from now.
-- ARGV: visitor.
-- Returns {'ok', end of the lease in unix microseconds}, {'not_active'} or {'room_lost'}.
local visitor = ARGV[1]

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
local till = score(active_key, visitor)
if not till or till <= now then return {'not_active'} end
till = math.max(till, now + room.lease_us)
redis.call('ZADD', active_key, int(till), visitor)
return {'ok', till}
