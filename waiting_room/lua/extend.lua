-- Give everybody who is inside more time. No lease becomes shorter, and none ends later than in a day.
-- ARGV: how much more, in microseconds; revision (0: none is counted).
-- Returns {'ok', how many are inside} or {'room_lost'}.
local more, revision = tonumber(ARGV[1]), tonumber(ARGV[2])

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()

local function longer(till)
  return math.max(till, math.min(till + more, now + DAY))
end

-- In one piece: a lease that is renewed meanwhile would be met twice, or not at all.
local leases = redis.call('ZRANGE', active_key, '(' .. int(now), '+inf', 'BYSCORE', 'WITHSCORES')
for first = 1, #leases, 2 * CHUNK do
  local entries = {}
  for i = first, math.min(first + 2 * CHUNK, #leases + 1) - 1, 2 do
    entries[#entries + 1] = int(longer(tonumber(leases[i + 1])))
    entries[#entries + 1] = leases[i]
  end
  redis.call('ZADD', active_key, unpack(entries))
end
note_revision(room, revision)
room.extended_at = now
save(room, 'revision', 'extended_at')
return {'ok', #leases / 2}
