-- Purpose: let a letter leave unless all workers' letters would leave faster than they may: a bucket of ARGV 2
--          letters that fills again by ARGV 1 a second. Looking and taking are one step.
-- KEYS: 1 when the bucket is full again (microseconds of Redis TIME); gone when it is
-- ARGV: 1 letters a second, 2 letters of a full bucket
-- Returns: 0: it may leave; or the microseconds after which to ask again, and nothing is taken
local FULL_AT = KEYS[1]
local each = 1000000 / tonumber(ARGV[1])
local most = tonumber(ARGV[2])

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at = math.max(tonumber(redis.call('GET', FULL_AT) or 0), now)
local wait = full_at + each - now - most * each
-- Half a microsecond of rounding holds nobody up.
if wait > 0.5 then return math.ceil(wait) end
full_at = full_at + each
redis.call('SET', FULL_AT, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return 0
