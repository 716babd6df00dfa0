-- Note that a waiting fan's page is live, or since now is not.
-- ARGV: visitor, present ('1' or '0').
-- Returns {'ok'}.
local visitor, present = ARGV[1], ARGV[2]

mark_presence(visitor, present, clock())
return {'ok'}
