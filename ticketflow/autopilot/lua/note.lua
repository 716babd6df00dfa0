-- Purpose: count what one process has seen of an event's bookings since it last told.
-- KEYS: 1 times: hash, "<window> <what>" -> how often; a window is its number since 1970; and `newest`, the last one
-- ARGV: 1 length of a window in microseconds, 2 how many of them are looked back on; then what and how often in turn
-- Returns: 1
local TIMES = KEYS[1]
local length, looked_at = tonumber(ARGV[1]), tonumber(ARGV[2])

local time = redis.call('TIME')
local window = math.floor((time[1] * 1000000 + time[2]) / length)
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', TIMES, string.format('%.0f %s', window, ARGV[i]), ARGV[i + 1])
end
-- Once a window, what nobody looks back on any more is taken out.
if tonumber(redis.call('HGET', TIMES, 'newest') or 0) ~= window then
  redis.call('HSET', TIMES, 'newest', string.format('%.0f', window))
  for _, field in ipairs(redis.call('HKEYS', TIMES)) do
    local of = field:match('^(%d+) ')
    if of and window - of > looked_at then redis.call('HDEL', TIMES, field) end
  end
end
redis.call('PEXPIRE', TIMES, math.ceil(length * (looked_at + 1) / 1000))
return 1
