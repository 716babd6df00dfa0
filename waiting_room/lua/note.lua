-- Keep what the pilots have seen and what is known by it, unless a later frame's is kept already: of several
-- processes that worked on the same pilots, the one with the newest frame is right, and none counts twice.
-- ARGV: epoch and version of the frame that was seen, the forecast, the pilots.
-- Returns {'ok'} or {'room_lost'}.
local epoch, version, forecast, pilots = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

local kept = redis.call('HMGET', room_key, 'epoch', 'noted')
if not kept[1] then return {'room_lost'} end
if tonumber(kept[1]) == epoch and (tonumber(kept[2]) or 0) < version then
  redis.call('HSET', room_key, 'forecast', forecast, 'pilots', pilots, 'noted', int(version))
end
return {'ok'}
