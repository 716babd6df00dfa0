-- Purpose: give every hold more time, and none less; whose turn it is keeps it for as long as the turn was made.
-- What is being paid for does not run out, but would from then on if the payment is refused.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, seconds}
-- Returns: how many holds have more time
local now, more = micros(), ask.seconds * 1000000
local latest = now + 86400 * 1000000

local extended, stored = 0, redis.call('HGETALL', HOLDS)
for i = 1, #stored, 2 do
  local hold = read(stored[i + 1])
  local expires = hold and tonumber(hold.expires)
  if hold and (hold.state == 'paying' or expires > now) then
    hold.expires = text(math.max(expires, math.min(expires + more, latest)))
    redis.call('HSET', HOLDS, stored[i], cjson.encode(hold))
    if hold.state == 'held' then redis.call('ZADD', EXPIRY, hold.expires, stored[i]) end
    redis.call('ZADD', LEASES, 'XX', 'GT', hold.expires, hold.visitor)
    extended = extended + 1
  end
end

-- A turn is one account's for as long as it lasts, and turns may last longer now.
local guests = redis.call('HGETALL', GUESTS)
for i = 1, #guests, 2 do
  local user, till = guests[i + 1]:match('^(%S+) (%S+)$')
  local lease = redis.call('ZSCORE', LEASES, guests[i])
  if lease and user and tonumber(till) > now and tonumber(lease) > tonumber(till) then
    redis.call('HSET', GUESTS, guests[i], user .. ' ' .. lease)
  end
end
return extended
