-- Purpose: let one request pass unless as many as are allowed have passed in the minute before it.
-- KEYS: 1 list of the moments (microseconds of Redis TIME) of one user's requests that passed, newest first
-- ARGV: 1 requests allowed in a minute
-- Returns: 0 if the request may pass, else the milliseconds after which one will
local PASSED = KEYS[1]
local limit = tonumber(ARGV[1])
local PERIOD = 60000000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- The last so many are remembered: the oldest of them is the one that makes room.
local oldest = redis.call('LINDEX', PASSED, limit - 1)
local wait = oldest and oldest + PERIOD - now or 0
if wait > 0 then return math.ceil(wait / 1000) end
redis.call('LPUSH', PASSED, string.format('%.0f', now))
redis.call('LTRIM', PASSED, 0, limit - 1)
redis.call('PEXPIRE', PASSED, PERIOD / 1000)
return 0
