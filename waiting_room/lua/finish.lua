-- End a lease because its purpose is served. The slot is free for the next tick.
-- A lease that lapsed while the payment ran is finished too; a fan who waits again is left in peace, since a
-- ledger may say the same thing twice. So is who has been done since the purpose was asked for: what runs now is
-- the next lease.
-- ARGV: visitor, when the purpose was asked for (unix microseconds, or 0), the channel of moves.
-- Returns {'ok'} or {'room_lost'}.
local visitor, asked_at, moves = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local room = load_room()
if not room then return {'room_lost'} end
if asked_at > 0 and (score(done_key, visitor) or 0) >= asked_at then return {'ok'} end
if redis.call('ZREM', active_key, visitor) + redis.call('ZREM', missed_key, visitor) > 0 then
  redis.call('ZADD', done_key, int(math.max(clock(), room.last_order)), visitor)
  redis.call('ZREM', left_key, visitor)
  redis.call('PUBLISH', moves, visitor)
end
return {'ok'}
