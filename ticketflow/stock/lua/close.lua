-- Purpose: let nobody take a hold while the stock is rebuilt, and no longer than that may take.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types}
-- Returns: 1 if it is closed, 0 if no stock is here
-- A key that somebody made another type of would stop this and every other step: what it held is lost already.
local kinds = {
  [STOCK] = 'hash', [HOLDS] = 'hash', [EXPIRY] = 'zset', [TAKEN] = 'hash', [VISITS] = 'hash', [BASKETS] = 'hash',
  [PENDING] = 'hash', [ORDERS] = 'stream', [GUESTS] = 'hash', [RETURNED] = 'set',
}
for _, key in pairs(UNITS) do kinds[key] = 'string' end
for key, kind in pairs(kinds) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end
if redis.call('HEXISTS', STOCK, 'epoch') == 0 then return 0 end
redis.call('HSET', STOCK, 'closed_until', text(micros() + CLOSED_MICROS))
return 1
