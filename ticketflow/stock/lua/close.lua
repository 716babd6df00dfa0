-- Purpose: let nobody take a hold while the stock is rebuilt, and no longer than that may take.
-- KEYS: see common.lua
-- ARGV: 1 JSON {types, closed_seconds}
-- Returns: 1 if it is closed, 0 if no stock is here
if redis.call('HEXISTS', STOCK, 'epoch') == 0 then return 0 end
redis.call('HSET', STOCK, 'closed_until', text(micros() + ask.closed_seconds * 1000000))
return 1
