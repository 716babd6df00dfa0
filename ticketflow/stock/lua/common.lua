-- Purpose: what the stock scripts share; Stock puts it before each of them.
-- KEYS: 1 stock, 2 holds, 3 expiry, 4 taken, 5 visits, 6 baskets, 7 pending, 8 orders, 9 guests, 10 leases,
--       11 counts channel, 12 returned, 13.. units of each type in `ask.types`
-- ARGV: 1 JSON of what is asked, always with `types`: the ticket type ids in the order of KEYS
-- Times are microseconds of Redis TIME. They are kept as text: cjson writes numbers with 14 digits.
local STOCK, HOLDS, EXPIRY, TAKEN, VISITS, BASKETS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local PENDING, ORDERS, GUESTS, LEASES, COUNTS_CHANNEL = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local RETURNED = KEYS[12]
local ask = cjson.decode(ARGV[1])

local UNITS = {}
for position, type_id in ipairs(ask.types) do
  UNITS[type_id] = KEYS[12 + position]
end

local MOST_UNITS = 2 ^ 32 -- what a string has bits for
local CLOSED_MICROS = 60 * 1000000 -- how long a rebuild keeps holds out at most, should it die on the way

local function micros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function text(number)
  return string.format('%.0f', number)
end

local function add(hash, field, by)
  if by == 0 then return end -- Lua writes a negative zero as "-0", which is no integer to HINCRBY
  -- What is no number was written by hand. It stays for the auditor: to fail here would leave half a change.
  if redis.pcall('HINCRBY', hash, field, by) == 0 and hash ~= STOCK then
    redis.call('HDEL', hash, field)
  end
end

local function find(hold_id)
  local stored = redis.call('HGET', HOLDS, hold_id)
  return stored and cjson.decode(stored)
end

-- A stored hold, or nil if it is none: what was written here by hand may be anything.
local function read(stored)
  local fine, hold = pcall(cjson.decode, stored)
  fine = fine and type(hold) == 'table' and UNITS[hold.type] and type(hold.units) == 'table'
    and type(hold.user) == 'string' and type(hold.visitor) == 'string' and tonumber(hold.expires)
    and (hold.state == 'held' or hold.state == 'paying')
  for _, unit in ipairs(fine and hold.units or {}) do
    fine = fine and type(unit) == 'number' and unit >= 0 and unit < MOST_UNITS
  end
  return fine and hold or nil
end

local function has_lease(visitor, now)
  local ends = redis.call('ZSCORE', LEASES, visitor)
  return ends and tonumber(ends) > now
end

-- Who holds tickets is let finish: the lease lasts as long as the hold, and is this account's for as long.
local function let_finish(visitor, user, expires)
  redis.call('ZADD', LEASES, 'GT', expires, visitor)
  redis.call('HSET', GUESTS, visitor, user .. ' ' .. redis.call('ZSCORE', LEASES, visitor))
end

-- Forgets a hold; what becomes of its units is the caller's to say.
local function forget(hold_id, hold)
  redis.call('HDEL', HOLDS, hold_id)
  redis.call('ZREM', EXPIRY, hold_id)
  add(VISITS, hold.visitor, -1)
  if redis.call('HGET', BASKETS, hold.user) == hold_id then redis.call('HDEL', BASKETS, hold.user) end
end

-- Gives a hold's units back. Only who forgets the hold gives back: exactly once.
local function give_back(hold_id, hold)
  forget(hold_id, hold)
  for _, unit in ipairs(hold.units) do
    redis.call('SETBIT', UNITS[hold.type], unit, 1)
  end
  add(STOCK, 'free:' .. hold.type, #hold.units)
  add(TAKEN, hold.user, -#hold.units)
end

-- A number as we write epochs and versions, or nil: cjson writes 14 digits.
local function whole(field)
  return field and #field <= 14 and field:match('^%d+$') and tonumber(field)
end

-- The millisecond of its beginning, so that a reader can tell newer from older; and past the one known.
local function next_epoch(known)
  return math.max(math.floor(micros() / 1000), (whole(known) or 0) + 1)
end

-- Whether holds are kept out by a rebuild. Further ahead than a rebuild closes it is only somebody's nonsense.
local function is_closed(closed_until, now)
  local ends = tonumber(closed_until or 0)
  return ends and ends > now and ends <= now + CLOSED_MICROS
end

-- A new version and its frame, in the script that made the change: no frame can be out of order.
local function publish_counts()
  local known = redis.call('HMGET', STOCK, 'epoch', 'version')
  if not known[1] then return end -- no stock is here
  local epoch, version = whole(known[1]), whole(known[2])
  if epoch and version then
    version = version + 1
  else -- nonsense: a new epoch, or readers would wait for versions that they know already
    epoch, version = next_epoch(known[1]), 1
    redis.call('HSET', STOCK, 'epoch', text(epoch))
  end
  redis.call('HSET', STOCK, 'version', text(version))
  local remaining, sold = {}, {}
  for _, type_id in ipairs(ask.types) do
    local counts = redis.call('HMGET', STOCK, 'free:' .. type_id, 'sold:' .. type_id)
    remaining[tostring(type_id)] = tonumber(counts[1])
    sold[tostring(type_id)] = tonumber(counts[2])
  end
  redis.call('PUBLISH', COUNTS_CHANNEL, cjson.encode({
    type = 'stock', epoch = epoch, version = version,
    remaining = remaining, sold = sold,
  }))
end
