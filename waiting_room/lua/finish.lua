-- End a lease because its purpose is served. The slot is free for the next tick.
-- A lease that lapsed while the payment ran is finished too; a fan who waits again is left in peace, since a
-- ledger may say the same thing twice.
-- ARGV: visitor.
-- Returns {'ok'} or {'room_lost'}.
local visitor = ARGV[1]

local room = load_room()
if not room then return {'room_lost'} end
if redis.call('ZREM', active_key, visitor) + redis.call('ZREM', missed_key, visitor) > 0 then
  redis.call('ZADD', done_key, int(math.max(clock(), room.last_order)), visitor)
  redis.call('ZREM', left_key, visitor)
end
return {'ok'}
