-- Purpose: let one request pass unless as many as are allowed have passed in the minute before it.
--          One for a booking that passed among the last counts no second time: it makes no new booking.
-- KEYS: 1 list of one user's requests that passed, newest first: "moment booking" (microseconds of Redis TIME)
-- ARGV: 1 requests allowed in a minute, 2 booking id
-- Returns: 0 if the request may pass, else the milliseconds after which one will
local PASSED = KEYS[1]
local limit = tonumber(ARGV[1])
local PERIOD = 60000000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, passed in ipairs(redis.call('LRANGE', PASSED, 0, limit - 1)) do
  if passed:match(' (.*)$') == ARGV[2] then return 0 end
end
-- The last so many are remembered: the oldest of them is the one that makes room.
local oldest = redis.call('LINDEX', PASSED, limit - 1)
local wait = oldest and oldest:match('^%d+') + PERIOD - now or 0
if wait > 0 then return math.ceil(wait / 1000) end
redis.call('LPUSH', PASSED, string.format('%.0f %s', now, ARGV[2]))
redis.call('LTRIM', PASSED, 0, limit - 1)
redis.call('PEXPIRE', PASSED, PERIOD / 1000)
return 0
