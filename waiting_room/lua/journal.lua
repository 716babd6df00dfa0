-- Shared by the commands that call or miss: the journal of whose turn came and what became of it, for whoever
-- keeps it. Where nobody has begun one nothing is written. An entry is about many visitors at once, and says
-- no more than what only this moment knows: an admission must not wait for its own record.
-- Journal.read takes it apart; keep the two in step.
local function journal_kept()
  return redis.call('EXISTS', journal_key) == 1
end

local function journal(room, now, what, ...)
  redis.call('XADD', journal_key, 'NOMKSTREAM', '*', 'epoch', room.epoch, 'at', int(now), 'what', what, ...)
end

-- From here on everything is written down, under this epoch.
local function begin_journal(epoch, now)
  redis.call('XADD', journal_key, '*', 'epoch', epoch, 'at', int(now), 'what', 'begun')
end
