-- Purpose: let another limit a person hold from the next hold on.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, limit}
-- Returns: 1, or 0 if no stock is here: `load` brings the limit with it
if redis.call('HEXISTS', STOCK, 'epoch') == 0 then return 0 end
redis.call('HSET', STOCK, 'limit', ask.limit)
return 1
