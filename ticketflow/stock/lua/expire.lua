-- Purpose: give back the holds whose time is over, or all that wait for it, a bounded number at a time.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, most, all}
-- Returns: how many were given back
local over = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', ask.all and '+inf' or text(micros()), 'LIMIT', 0, ask.most)
for _, hold_id in ipairs(over) do
  local hold = read(redis.call('HGET', HOLDS, hold_id) or '')
  if hold then give_back(hold_id, hold) else redis.call('ZREM', EXPIRY, hold_id) end
end
if #over > 0 then publish_counts() end
return #over
