-- Shared by the commands that admit: the token bucket, the cap, and the call itself.

-- Tokens are counted in whole units so that no fraction is lost: one unit is what a rate of 1 a minute brings
-- in a microsecond, and a person costs a minute's worth of them.
local PERSON = MINUTE
-- Of those long away, at most so many are passed over in one go: a tick stays short.
local PASSED_OVER_MAX = 1000

-- One tick's worth, and less than one person besides: the fraction that is left when whole people are called.
-- So the bucket can never hold more whole people than one tick's worth, rounded up.
local function capacity(room)
  return room.rate * room.tick_us + PERSON - 1
end

local function refill(room, now)
  local elapsed = math.max(0, math.min(now - room.refilled_at, MINUTE))
  room.tokens = math.min(room.tokens + room.rate * elapsed, capacity(room))
  room.refilled_at = now
end

local function inside()
  return redis.call('ZCARD', called_key) + redis.call('ZCARD', active_key)
end

-- How many may be called at this moment.
local function slots(room, now)
  if room.mode ~= 'open' or now < room.recover_until then return 0 end
  local free = room.cap - inside()
  return math.max(0, math.min(math.floor(room.tokens / PERSON), free))
end

-- Since when each of the visitors is away, in unix seconds; false for who is here. With this it is forgotten.
local function end_absences(visitors)
  if redis.call('EXISTS', away_key) == 0 then return {} end
  local since = redis.call('HMGET', away_key, unpack(visitors))
  for i, packed in ipairs(since) do since[i] = packed and struct.unpack('>I4', packed) end
  redis.call('HDEL', away_key, unpack(visitors))
  return since
end

-- Note visitors under a key until their deadline.
local function note(key, visitors, deadline)
  if #visitors == 0 then return end
  local entries = {}
  for i, visitor in ipairs(visitors) do
    entries[2 * i - 1], entries[2 * i] = deadline, visitor
  end
  redis.call('ZADD', key, unpack(entries))
end

-- The orders that called visitors had, for the day they are called back.
local function keep_orders(called, orders)
  if #called == 0 then return end
  local entries = {}
  for i, visitor in ipairs(called) do
    entries[2 * i - 1], entries[2 * i] = visitor, orders[visitor]
  end
  redis.call('HSET', turns_key, unpack(entries))
end

-- Who is called and not in yet goes back to the front of the line, each to the order they had. A turn whose time
-- is over was missed already, swept by a tick or not.
local function call_back(room, now)
  local visitors = redis.call('ZRANGE', called_key, '(' .. int(now), '+inf', 'BYSCORE')
  for first = 1, #visitors, CHUNK do
    local some = {unpack(visitors, first, math.min(first + CHUNK - 1, #visitors))}
    local orders, entries = redis.call('HMGET', turns_key, unpack(some)), {}
    for i, visitor in ipairs(some) do
      -- An order nobody has kept was at most the frontier.
      entries[2 * i - 1], entries[2 * i] = orders[i] or int(math.max(room.frontier, 1)), visitor
    end
    redis.call('ZADD', waiting_key, unpack(entries))
    redis.call('ZREM', called_key, unpack(some))
    redis.call('HDEL', turns_key, unpack(some))
  end
end

-- Who of the first in line is called, and who is passed over because they are away too long.
local function split(room, visitors, now)
  local since, before = end_absences(visitors), (now - room.away_us) / SECOND
  local called, passed_over = {}, {}
  for i, visitor in ipairs(visitors) do
    local to = since[i] and since[i] < before and passed_over or called
    to[#to + 1] = visitor
  end
  return called, passed_over
end

-- The first n of the line, the order of each, and both as Redis gives them: visitor and order in turn.
local function first_in_line(n)
  local line = redis.call('ZRANGE', waiting_key, 0, n - 1, 'WITHSCORES')
  local visitors, orders = {}, {}
  for i = 1, #line, 2 do
    visitors[#visitors + 1] = line[i]
    orders[line[i]] = line[i + 1]
  end
  return visitors, orders, line
end

-- Deal with the first n of the line: call them, or pass over who is away too long (they cost no token and may
-- come back to their place). Returns how many were called, and how many were passed over.
-- Who was passed over counts for the frontier, too: a live page of theirs looks what has become of them.
local function call_first(room, n, now, how)
  local visitors, orders, line = first_in_line(n)
  if #visitors == 0 then return 0, 0 end
  local called, passed_over = split(room, visitors, now)
  count_waits(room, visitors, passed_over, now)
  if journal_kept() then
    local frontier, over = int(room.frontier), table.concat(passed_over, ' ')
    journal(room, now, how, 'line', table.concat(line, ' '), 'frontier', frontier, 'over', over)
  end
  room.frontier = math.max(room.frontier, tonumber(line[#line]))
  note(called_key, called, int(now + room.claim_us))
  keep_orders(called, orders)
  note(missed_key, passed_over, int(now + room.return_us))
  redis.call('ZREMRANGEBYRANK', waiting_key, 0, #visitors - 1)
  return #called, #passed_over
end

-- Call up to `budget` from the front, paid with tokens. `how` they are is for the journal: 'called' from the line,
-- or 'at_once'. Saves what it changes in the room.
local function admit(room, budget, now, how)
  local admitted, passed_over = 0, 0
  while admitted < budget and passed_over < PASSED_OVER_MAX do
    local called, over = call_first(room, math.min(CHUNK, budget - admitted), now, how)
    if called + over == 0 then break end
    admitted, passed_over = admitted + called, passed_over + over
  end
  if admitted > 0 then
    room.tokens = room.tokens - admitted * PERSON
    room.admitted_total = room.admitted_total + admitted
    redis.call('HINCRBY', admissions_key, int(math.floor(now / SECOND)), admitted)
    redis.call('EXPIRE', admissions_key, 120)
  end
  save(room, 'tokens', 'refilled_at', 'frontier', 'admitted_total')
  return admitted
end

-- The draw is over, for good: from now on its seed may be read. A frontier of at least 1, below every order, says
-- so in each frame and in what is kept of the room for the day Redis is lost.
local function end_draw(room, now)
  room.opened_at = now
  room.frontier = math.max(room.frontier, 1)
  redis.call('EXPIRE', draw_key, DRAW_KEPT)
  redis.call('HSETNX', tally_key, 'opened_at', int(now))
end

-- The pace is changed, and why fans are told a later time if they are ('' for none); the caller saves.
-- A reason stands until it is over: whoever comes back an hour later sees it, too.
local function change_pace(room, slower, now)
  room.steered_at = now
  if slower ~= '' then room.slower, room.slowed_at = slower, now end
end

local function ease(room, slower, now)
  change_pace(room, '', now)
  if room.slower == slower and room.slowed_at < now then room.slower = '' end
end

-- Change the mode. Sets what depends on when the room opened; the caller saves.
local function turn(room, mode, now)
  -- Before the doors first open nobody was told a time.
  local slower = mode == 'draining' and 'draining' or 'paused'
  if mode ~= room.mode and room.opened_at > 0 then change_pace(room, slower, now) end
  if mode == 'draining' then call_back(room, now) end
  -- Doors that were paused or closed have not been open: a slip of the hand must not end the draw.
  if mode == 'open' and room.opened_at == 0 then end_draw(room, now) end
  room.mode = mode
end
