-- Shared by tick and snapshot: the frame as JSON, and the rank map in it.

-- Ranks below EXACT are all in the map; behind them the ladder climbs by 1% as far as LADDER_TOP. In step with
-- estimate.py.
local EXACT, LADDER_TOP = 256, 10000000

-- The orders found at ranks 0..255, then at ranks 1% apart, and at the last one. The ladder is climbed to its top
-- however short the line: beyond the end Redis finds nothing at once, and a tick is the same work for a thousand
-- as for a million.
local function rank_map(waiting)
  local orders = {}
  local head = redis.call('ZRANGE', waiting_key, 0, EXACT - 1, 'WITHSCORES')
  for i = 2, #head, 2 do orders[#orders + 1] = head[i] end
  if waiting > EXACT then
    local rank, last = EXACT - 1, waiting - 1
    while rank < LADDER_TOP do
      rank = math.floor(rank * 101 / 100) + 1
      local found = redis.call('ZRANGE', waiting_key, rank, rank, 'WITHSCORES')
      if rank < last then orders[#orders + 1] = found[2] end
    end
    orders[#orders + 1] = redis.call('ZRANGE', waiting_key, last, last, 'WITHSCORES')[2]
  end
  return table.concat(orders, ' ')
end

-- What has up to 16 digits goes as text: cjson writes numbers with 14.
local function frame(name, room, with_ranks, now)
  local waiting = redis.call('ZCARD', waiting_key)
  return cjson.encode({
    room = name,
    epoch = room.epoch,
    version = room.version,
    at = int(now),
    mode = room.mode,
    message = room.message,
    rate_per_minute = room.rate,
    max_active = room.cap,
    waiting = waiting,
    called = redis.call('ZCARD', called_key),
    active = redis.call('ZCARD', active_key),
    missed = redis.call('ZCOUNT', missed_key, '(' .. int(now), '+inf'),
    admitted_total = room.admitted_total,
    admitted_last_minute = room.admitted_last_minute,
    frontier = int(room.frontier),
    lobby_opens_at = int(room.lobby_at),
    opens_at = int(room.opens_at),
    recovering = now < room.recover_until,
    steered_at = int(room.steered_at),
    slowed_at = int(room.slowed_at),
    slower = room.slower,
    forecast = room.forecast,
    revision = room.revision or 0,
    extended_at = int(room.extended_at or 0),
    ranks = with_ranks and rank_map(waiting) or nil,
  })
end
