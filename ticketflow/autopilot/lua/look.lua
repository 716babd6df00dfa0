-- Purpose: how an event's bookings fare: those of the last windows, and those that are not decided yet.
-- KEYS: 1 times (see note.lua), 2 the event's stream of orders, 3 its holds
-- ARGV: 1 length of a window in microseconds, 2 how many of them are looked back on, 3 how many orders are looked at
-- Returns: {microseconds of Redis TIME, open holds, what and how often in turn, ages of the oldest orders in ms}
local TIMES, ORDERS, HOLDS = KEYS[1], KEYS[2], KEYS[3]
local length, looked_at, most = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = math.floor(now / length)

local counts = {}
local stored = redis.call('HGETALL', TIMES)
for i = 1, #stored, 2 do
  local of, what = stored[i]:match('^(%d+) (.+)$')
  if of and window - of < looked_at then
    counts[#counts + 1] = what
    counts[#counts + 1] = stored[i + 1]
  end
end

-- An entry's id begins with the millisecond in which it was put there; it goes when the booker has been told.
local ages = {}
for i, entry in ipairs(redis.call('XRANGE', ORDERS, '-', '+', 'COUNT', most)) do
  ages[i] = math.max(0, math.floor(now / 1000) - entry[1]:match('^%d+'))
end
return {string.format('%.0f', now), redis.call('HLEN', HOLDS), counts, ages}
