-- Make the room, unless Redis has it already: of several that try, one does.
-- ARGV: epoch, frontier, recovering and whether a journal is to be kept ('1' or '0' each), revision, the tally to go
-- on from (JSON of texts, with `called`: how many were called), then the policy as field and value in turn.
-- Returns {'ok', 1 if it was made here, else 0}.
local epoch, frontier, recovering = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local keeps_journal, revision = ARGV[4] == '1', ARGV[5]
local kept, policy = cjson.decode(ARGV[6]), {unpack(ARGV, 7)}

if redis.call('EXISTS', room_key) == 1 then return {'ok', 0} end
local now = clock()
redis.call('HSET', room_key, unpack(policy))
local mode, rate, tick_us, recovery_us, opens_at =
  unpack(redis.call('HMGET', room_key, 'mode', 'rate', 'tick_us', 'recovery_us', 'opens_at'))

-- Who was called before the loss is unknown, so a recovered room starts with an empty bucket.
local tokens = recovering and 0 or rate * tick_us + MINUTE - 1
-- A frontier means that the room was open: its lobby draws no more. Nor does one whose time is over, though no
-- tick has opened it yet: its seed may be public.
local due = mode == 'lobby' and tonumber(opens_at) > 0 and now >= tonumber(opens_at)
local opened = mode == 'open' or frontier > 0 or due
if opened then frontier = math.max(frontier, 1) end
local resumes_at = recovering and now + recovery_us or now
redis.call('HSET', room_key,
  'epoch', epoch, 'version', 0, 'frontier', int(frontier), 'last_order', int(frontier),
  'opened_at', opened and int(now) or 0, 'steered_at', recovering and int(resumes_at) or 0,
  'slowed_at', recovering and int(resumes_at) or 0,
  'slower', recovering and 'recovering' or '', 'forecast', '', 'pilots', '', 'noted', 0,
  'recover_until', recovering and int(resumes_at) or 0,
  'tokens', int(tokens), 'refilled_at', int(now), 'ticked_at', 0, 'mapped_at', 0,
  'admitted_total', kept.called or 0, 'admitted_last_minute', 0, 'revision', revision, 'extended_at', 0)
kept.called = nil
for field, value in pairs(kept) do redis.call('HSET', tally_key, field, value) end
if opened then redis.call('HSETNX', tally_key, 'opened_at', int(now)) end
-- In the same step: nobody can be called before it.
if keeps_journal then begin_journal(epoch, now) end
return {'ok', 1}
