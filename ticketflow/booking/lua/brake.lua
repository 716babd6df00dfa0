-- Purpose: count one request against a limit that has no window to wait for (GCRA: each request moves
--          a theoretical arrival time on; who is too far ahead of the clock is asked to wait).
-- KEYS: 1 the theoretical arrival time of one user
-- ARGV: 1 requests allowed in a minute
-- Returns: 0 if the request may pass, else the milliseconds after which one will
local TAT = KEYS[1]
local limit = tonumber(ARGV[1])
local PERIOD = 60000
local step = PERIOD / limit

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tat = math.max(tonumber(redis.call('GET', TAT) or 0), now)
local wait = tat - now - (PERIOD - step)
if wait > 0 then return math.ceil(wait) end
redis.call('SET', TAT, string.format('%.3f', tat + step), 'PX', PERIOD + math.ceil(step))
return 0
