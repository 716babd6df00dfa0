-- End leases because their purpose is served. The slots are free for the next tick.
-- A lease that lapsed while the payment ran is finished too; a fan who waits again is left in peace, since a
-- ledger may say the same thing twice. So is who has been done since the purpose was asked for: what runs now is
-- the next lease.
-- ARGV: the channel of moves, then for each: visitor, when the purpose was asked for (unix microseconds, or 0).
-- Returns {'ok'} or {'room_lost'}.
local moves = ARGV[1]

local room = load_room()
if not room then return {'room_lost'} end

local function finish(visitor, asked_at)
  if asked_at > 0 and (score(done_key, visitor) or 0) >= asked_at then return end
  if redis.call('ZREM', active_key, visitor) + redis.call('ZREM', missed_key, visitor) > 0 then
    redis.call('ZADD', done_key, int(math.max(clock(), room.last_order)), visitor)
    redis.call('ZREM', left_key, visitor)
    redis.call('PUBLISH', moves, visitor)
  end
end

for i = 2, #ARGV, 2 do
  finish(ARGV[i], tonumber(ARGV[i + 1]))
end
return {'ok'}
