-- The heartbeat: sweep, open, admit, publish. Any number of processes may call it as often as they like.
-- ARGV: the room's name, the channel of its frames.
-- Returns {'ok', the frame published, the pilots if it has the rank map}, {'ok'} if this tick was done already,
-- or {'room_lost'}.
local name, channel = ARGV[1], ARGV[2]

-- Of each key's entries that have run out, so many are handled in one tick.
local SWEPT = CHUNK

local function run_out(key, by)
  return redis.call('ZRANGE', key, '-inf', int(by), 'BYSCORE', 'LIMIT', 0, SWEPT)
end

local function forget(key, by)
  local visitors = run_out(key, by)
  if #visitors > 0 then redis.call('ZREM', key, unpack(visitors)) end
end

local function sweep(room, now)
  miss(room, called_key, run_out(called_key, now), now)
  miss(room, active_key, run_out(active_key, now), now)
  for _, key in ipairs({missed_key, done_key, left_key}) do forget(key, now - DAY) end
end

local function admitted_last_minute(now)
  local since, total = math.floor(now / SECOND) - 60, 0
  local counts = redis.call('HGETALL', admissions_key)
  for i = 1, #counts, 2 do
    if tonumber(counts[i]) > since then
      total = total + counts[i + 1]
    else
      redis.call('HDEL', admissions_key, counts[i])
    end
  end
  return total
end

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
local since_tick = now - room.ticked_at
-- A timer that fires a little early still counts, or its process would sit out a whole interval and the
-- bucket, which holds one tick's worth, would spill. A clock that went backwards must not stop the room.
if since_tick >= 0 and since_tick < room.tick_us * 0.9 then return {'ok'} end

sweep(room, now)
if room.mode == 'lobby' and room.opens_at > 0 and now >= room.opens_at then turn(room, 'open', now) end
refill(room, now)
local admitted = admit(room, slots(room, now), now, 'called')
if room.slower == 'desk_full' and inside() < room.cap then room.slower = '' end
room.admitted_last_minute = admitted_last_minute(now)
room.ticked_at = now
room.version = room.version + 1
-- One rank map in each second of the clock, and one whenever the line has moved: with a second's calls gone,
-- an old map is far off for who stands in front.
local with_ranks = admitted > 0 or math.floor(now / SECOND) ~= math.floor(room.mapped_at / SECOND)
if with_ranks then room.mapped_at = now end
save(room, 'mode', 'opened_at', 'steered_at', 'slowed_at', 'slower', 'admitted_last_minute', 'ticked_at', 'version',
  'mapped_at')
local text = frame(name, room, with_ranks, now)
redis.call('PUBLISH', channel, text)
if with_ranks then return {'ok', text, redis.call('HGET', room_key, 'pilots') or ''} end
return {'ok', text}
