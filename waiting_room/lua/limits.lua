-- Shared by join: how many new places a source (an address, an account) takes in a minute.
--
-- Places are counted in slots of ten seconds. The last seven slots, the newest of them unfinished, cover any
-- minute: so in no minute are there more than the limit, and a place is forgotten after 60 to 70 seconds.
-- A source's entry is a text, 'slot:count slot:count', the oldest first.
--
-- Entries are written to one hash. Once it is as old as all that counts it becomes the second one, and what was
-- the second, whose entries count no more, goes in one piece: nothing is swept, and a flood of sources is
-- forgotten as fast as it came.
local SLOT = 10 * SECOND
local SLOTS = 7
-- The field that says when the first hash was begun; sources have names.
local BEGUN = ''

-- The slots of an entry that still count, and the sum of their counts.
local function recent(entry, slot)
  local slots, total = {}, 0
  for at, count in (entry or ''):gmatch('(%d+):(%d+)') do
    if tonumber(at) > slot - SLOTS then
      slots[#slots + 1] = {at = tonumber(at), count = tonumber(count)}
      total = total + tonumber(count)
    end
  end
  return slots, total
end

-- The seconds until fewer than `limit` of them count; nil if fewer do already.
local function wait_for(slots, total, limit, now)
  local seconds
  for _, taken in ipairs(slots) do
    if total < limit then break end
    total = total - taken.count
    seconds = math.ceil(((taken.at + SLOTS) * SLOT - now) / SECOND)
  end
  return seconds
end

-- The entry with one more place in it.
local function one_more(slots, slot)
  local last = slots[#slots]
  if last and last.at >= slot then
    last.count = last.count + 1
  else
    slots[#slots + 1] = {at = slot, count = 1}
  end
  local texts = {}
  for i, taken in ipairs(slots) do texts[i] = int(taken.at) .. ':' .. taken.count end
  return table.concat(texts, ' ')
end

-- Write entries (name and text in turn) to the first hash, which may have to be begun.
local function write_entries(entries, begun, now)
  local lasts = SLOTS * SLOT
  if begun and now - begun >= lasts then
    redis.call('UNLINK', joins_before_key)
    redis.call('RENAME', joins_key, joins_before_key)
    begun = nil
  end
  if begun then
    redis.call('HSET', joins_key, unpack(entries))
  else
    redis.call('HSET', joins_key, BEGUN, int(now), unpack(entries))
    redis.call('EXPIRE', joins_key, 3 * lasts / SECOND)
  end
end

-- Count a new place for each of the sources (name and limit in turn), or for none: then it returns the seconds
-- until there is room for one, and the name of the source that is full.
local function count_join(sources, now)
  if #sources == 0 then return nil end
  local names, slot = {}, math.floor(now / SLOT)
  for i = 1, #sources, 2 do names[#names + 1] = sources[i] end
  local found = redis.call('HMGET', joins_key, BEGUN, unpack(names))
  local before = redis.call('HMGET', joins_before_key, unpack(names))
  local entries, seconds, full = {}, nil, nil
  for i, name in ipairs(names) do
    local slots, total = recent(found[i + 1] or before[i], slot)
    local wait = wait_for(slots, total, tonumber(sources[2 * i]), now)
    if wait and wait > (seconds or 0) then seconds, full = wait, name end
    entries[#entries + 1] = name
    entries[#entries + 1] = one_more(slots, slot)
  end
  if seconds then return seconds, full end
  write_entries(entries, tonumber(found[1] or nil), now)
end
