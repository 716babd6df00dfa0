-- Purpose: let one request pass unless somebody's come faster than they may: a bucket of ARGV 1 that fills again
--          evenly in ARGV 2. Looking and counting are one step, so that of a burst no more pass than may.
-- KEYS: 1 when the bucket is full again (microseconds of Redis TIME); gone when it is
-- ARGV: 1 requests of a full bucket, 2 milliseconds in which it fills
-- Returns: {0 or the milliseconds after which a request may pass, requests left, milliseconds until it is full}
local FULL_AT = KEYS[1]
local most = tonumber(ARGV[1])
local period = tonumber(ARGV[2]) * 1000
local each = period / most

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at = math.max(tonumber(redis.call('GET', FULL_AT) or 0), now)
local wait = full_at + each - now - period
-- Half a microsecond of rounding refuses nobody.
if wait > 0.5 then return {math.ceil(wait / 1000), 0, math.ceil((full_at - now) / 1000)} end
full_at = full_at + each
redis.call('SET', FULL_AT, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {0, math.floor((period - (full_at - now)) / each + 0.001), math.ceil((full_at - now) / 1000)}
