-- Give up a place, a turn or a lease. Remembered for a day, so that the old ticket brings no old place back.
-- ARGV: visitor, the channel of moves.
-- Returns {'ok'} or {'room_lost'}.
local visitor, moves = ARGV[1], ARGV[2]

local room = load_room()
if not room then return {'room_lost'} end
local order, had_place = score(waiting_key, visitor), 0
for _, key in ipairs({waiting_key, called_key, active_key, missed_key}) do
  had_place = had_place + redis.call('ZREM', key, visitor)
end
redis.call('HDEL', away_key, visitor)
redis.call('HDEL', turns_key, visitor)
-- Who is done and leaves stays done; a visitor Redis has lost leaves all the same.
if had_place > 0 or not score(done_key, visitor) then
  redis.call('ZADD', left_key, int(math.max(clock(), room.last_order)), visitor)
  redis.call('ZREM', done_key, visitor)
  redis.call('PUBLISH', moves, visitor)
end
if had_place > 0 then count('left', 1) end
if order then count_leaver(room, order, clock()) end
return {'ok'}
