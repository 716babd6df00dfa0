-- Change the controls.
-- ARGV: revision (0: none is counted), then field and new value in turn, of mode, rate, cap and message.
-- Returns {'ok'} or {'room_lost'}.
local revision = tonumber(ARGV[1])

local room = load_room()
if not room then return {'room_lost'} end
local now = clock()
-- What has passed is counted at the old rate. The next refill cuts the bucket to what the new one allows.
refill(room, now)

local set = {}
function set.rate(rate)
  if rate < room.rate then change_pace(room, 'rate_lowered', now) end
  if rate > room.rate then ease(room, 'rate_lowered', now) end
  room.rate = rate
end
function set.cap(cap)
  if cap < room.cap then change_pace(room, inside() >= cap and 'desk_full' or '', now) end
  if cap > room.cap then ease(room, 'desk_full', now) end
  room.cap = cap
end

-- Two hands at once may come here in the wrong order. What a later revision has set, an earlier one leaves alone.
local function is_late(field)
  if revision == 0 then return false end
  local set_by = 'revision:' .. field
  if revision < tonumber(redis.call('HGET', room_key, set_by) or 0) then return true end
  redis.call('HSET', room_key, set_by, int(revision))
end

for i = 2, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  if is_late(field) then
    -- Set since.
  elseif field == 'mode' then
    -- Doors that were moved by hand are opened by hand; to ask for what is so already moves nothing.
    if value ~= room.mode then room.opens_at = 0 end
    turn(room, value, now)
  elseif field == 'message' then
    room.message = value
  else
    set[field](tonumber(value))
  end
end
note_revision(room, revision)
save(room, 'mode', 'message', 'rate', 'cap', 'revision', 'opens_at', 'opened_at', 'frontier', 'steered_at', 'slowed_at',
  'slower', 'tokens', 'refilled_at')
return {'ok'}
