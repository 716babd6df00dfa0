-- Shared by the commands that count: what has happened in the room so far, and how long people waited.
-- Fields of the tally: joins, left, missed, passed_over, opened_at; admitted:<span> and gave_up:<span>, how many
-- waited so long until they were called, or until they gave up. Span 0 is below a second, span n goes from
-- 1.1^(n-1) to 1.1^n seconds. In step with tally.py.
local WIDER = 1.1

local function count(field, people)
  if people > 0 then redis.call('HINCRBY', tally_key, field, people) end
end

local function span_of(micros)
  if micros < SECOND then return 0 end
  return math.floor(math.log(micros / SECOND) / math.log(WIDER)) + 1
end

-- Since when somebody of that order waits: since they joined, or since the doors opened if they came before.
-- The tally remembers that moment also where the room has come back since.
local function waits_since(room, order)
  if order >= DRAWN then return order end
  return tonumber(redis.call('HGET', tally_key, 'opened_at') or room.opened_at)
end

-- The last order that, now, has waited as long as this span is at least; those drawn have all waited alike.
local function last_of(order, span, now)
  if order < DRAWN then return '(' .. int(DRAWN) end
  if span == 0 then return '+inf' end
  return int(now - WIDER ^ (span - 1) * SECOND)
end

-- Count how long the first of the line have waited, who are dealt with now; some of them are passed over.
-- Who stands at the frontier or before it was dealt with once already: that wait was counted then.
-- Orders rise, so those of one span stand together, and one search finds the last of them: no score is read for
-- each of thousands.
local function count_waits(room, visitors, passed_over, now)
  local over = {}
  for _, visitor in ipairs(passed_over) do over[visitor] = true end
  local first = 1
  if score(waiting_key, visitors[1]) <= room.frontier then
    first = redis.call('ZCOUNT', waiting_key, '-inf', int(room.frontier)) + 1
  end
  while first <= #visitors do
    local order = score(waiting_key, visitors[first])
    local span = span_of(now - waits_since(room, order))
    local found = redis.call('ZCOUNT', waiting_key, '-inf', last_of(order, span, now))
    local last, gave_up = math.max(first, math.min(#visitors, found)), 0
    for i = first, #passed_over > 0 and last or 0 do
      if over[visitors[i]] then gave_up = gave_up + 1 end
    end
    count('admitted:' .. span, last - first + 1 - gave_up)
    count('gave_up:' .. span, gave_up)
    first = last + 1
  end
  count('passed_over', #passed_over)
end

-- Count how long somebody has waited who leaves the line now. Before the doors have opened nobody waits for them.
local function count_leaver(room, order, now)
  if room.opened_at == 0 or order <= room.frontier then return end
  count('gave_up:' .. span_of(now - waits_since(room, order)), 1)
end
