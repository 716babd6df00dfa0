-- Shared by all commands: the keys, the clock, and the room's hash.
-- KEYS of every command: those of RoomKeys.touched, in its order.
local room_key, waiting_key, called_key = KEYS[1], KEYS[2], KEYS[3]
local active_key, missed_key, away_key = KEYS[4], KEYS[5], KEYS[6]
local done_key, left_key, admissions_key = KEYS[7], KEYS[8], KEYS[9]
local joins_key, joins_before_key, draw_key = KEYS[10], KEYS[11], KEYS[12]
local tally_key, turns_key, journal_key = KEYS[13], KEYS[14], KEYS[15]

local SECOND = 1000000
local MINUTE = 60 * SECOND
local DAY = 86400 * SECOND
-- Orders below this were drawn in the lobby. A ticket says 0 for its fan's own draw. As in draw.py.
local DRAWN = 2^50
-- Seconds for which the log of entrants is kept once the draw is over.
local DRAW_KEPT = 30 * 86400
-- Members handled by one Redis command: Lua cannot unpack many thousands, two values each.
local CHUNK = 1000

local TEXTS = {'mode', 'message', 'slower', 'forecast'}
local NUMBERS = {
  'rate', 'cap', 'claim_us', 'lease_us', 'return_us', 'away_us', 'tick_us', 'lobby_at', 'opens_at',
  'epoch', 'version', 'opened_at', 'steered_at', 'slowed_at', 'recover_until', 'last_order', 'frontier',
  'tokens', 'refilled_at', 'ticked_at', 'mapped_at', 'admitted_total', 'admitted_last_minute',
  'revision', 'extended_at',
}

-- Microseconds since 1970 and orders have 16 digits: a double holds them, Lua's own tostring does not.
local function int(number)
  return string.format('%.0f', number)
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * SECOND + time[2]
end

-- The room's hash as a table, or nil if Redis has no such room.
local function load_room()
  local texts = redis.call('HMGET', room_key, unpack(TEXTS))
  if not texts[1] then return nil end
  local room = {mode = texts[1], message = texts[2], slower = texts[3], forecast = texts[4]}
  local numbers = redis.call('HMGET', room_key, unpack(NUMBERS))
  for i, field in ipairs(NUMBERS) do
    room[field] = tonumber(numbers[i])
  end
  return room
end

local function save(room, ...)
  local pairs_of = {}
  for _, field in ipairs({...}) do
    local value = room[field]
    pairs_of[#pairs_of + 1] = field
    pairs_of[#pairs_of + 1] = type(value) == 'number' and int(value) or value
  end
  redis.call('HSET', room_key, unpack(pairs_of))
end

-- Several hands may steer a room: of two revisions the higher one is the later one, whichever comes first.
local function note_revision(room, revision)
  room.revision = math.max(room.revision or 0, revision)
end

local function score(key, member)
  return tonumber(redis.call('ZSCORE', key, member) or nil)
end
