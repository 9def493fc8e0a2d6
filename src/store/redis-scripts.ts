import { createHash } from 'node:crypto'

/** A script and the name by which Redis keeps it. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

function script(body: string): Script {
  const source = `${PRELUDE}${body}`
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

/*
 * One key per token holds a hash, so that every script touches one key and a cluster needs no hash tags:
 *
 *   token  token_print  token_fence  token_until    the token
 *   error  error_print  error_fence  error_until    the error that is remembered
 *   owner  lease  lease_until                       who holds the lease: its fence
 *   issued  written                                 the last fence of a lease, and of a token that was written
 *   deleted                                         when a token was deleted last
 *
 * Instants are microseconds by the clock of Redis. %.0f, because Lua would write them as 1.79e+15.
 */
const PRELUDE = `
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = {}
local fields = redis.pcall('HGETALL', key)
if fields.err then
  if not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end
  redis.call('DEL', key) -- something else is in our place
else
  for i = 1, #fields, 2 do state[fields[i]] = fields[i + 1] end
end
local function number(field) -- none that a reply would not give back as it is
  local value = tonumber(state[field] or '') or 0
  return math.abs(value) <= 9007199254740992 and math.floor(value) or 0
end
local function fence(field) -- none that nobody can have issued
  local value = number(field)
  return value <= now + 86400000000 and value or 0
end
local function text(value) return string.format('%.0f', value) end
local function lives(kind) -- and can be named
  local print = state[kind .. '_print']
  return state[kind] and print and not string.find(print, '[^ -~]') and number(kind .. '_until') > now
end
local function put(field, value)
  redis.call('HSET', key, field, type(value) == 'number' and text(value) or value)
end
local function drop(...) redis.call('HDEL', key, ...) end
local function keep(ms) -- a minute longer than anything in it, for late writers
  if redis.call('PTTL', key) < ms + 60000 then redis.call('PEXPIRE', key, text(ms + 60000)) end
end
local function record(kind)
  local left = math.floor((number(kind .. '_until') - now) / 1000)
  return { kind, state[kind], state[kind .. '_print'], text(number(kind .. '_fence')), text(left) }
end
`

/** Reply: a record as five texts, or nothing. */
export const GET: Script = script(`
if lives('token') then return record('token') end
return {}
`)

/** Arguments: owner, ttlMs, and the fingerprint and fence that are stale. Reply: a record, `lease` and fence, or `busy`. */
export const GET_OR_LEASE: Script = script(`
local owner, ttl, print, newest = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
for _, kind in ipairs({ 'token', 'error' }) do
  local stale = state[kind .. '_print'] == print and number(kind .. '_fence') <= newest
  if lives(kind) and not stale then return record(kind) end
end
-- one that ends later than any lease does is of somebody else, or of before the clock was set back
local left = number('lease_until') - now
if state.owner and state.owner ~= owner and left > 0 and left <= 2000 * ttl then return { 'busy' } end
local new = math.max(now, fence('issued') + 1, fence('written') + 1)
redis.call('HSET', key, 'owner', owner, 'lease', text(new), 'lease_until', text(now + ttl * 1000), 'issued', text(new))
keep(ttl)
return { 'lease', text(new) }
`)

/** Arguments: owner, fence, ttlMs. Reply: 1 if the lease is held. */
export const RENEW: Script = script(`
local ttl = tonumber(ARGV[3])
if state.owner ~= ARGV[1] or state.lease ~= ARGV[2] then return 0 end
if ttl <= 0 then
  drop('owner', 'lease', 'lease_until')
else
  put('lease_until', now + ttl * 1000)
  keep(ttl)
end
return 1
`)

/** Arguments: kind, value, fingerprint, ttlMs, and owner and fence of the lease or two empty texts. Reply: 1 if written. */
export const SET: Script = script(`
local kind, value, print, ttl, owner = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local mine = tonumber(ARGV[6]) or 0
local may = not lives(kind)
if owner ~= '' then may = mine >= fence('written') and mine >= (lives(kind) and fence(kind .. '_fence') or 0) end
if may then
  redis.call('HSET', key, kind, value, kind .. '_print', print, kind .. '_fence', text(mine),
    kind .. '_until', text(now + ttl * 1000))
  keep(ttl)
  if kind == 'token' then
    if mine > 0 then put('written', mine) end
    if fence('error_fence') <= mine then drop('error', 'error_print', 'error_fence', 'error_until') end
  end
end
if owner ~= '' and state.owner == owner and state.lease == ARGV[6] then drop('owner', 'lease', 'lease_until') end
return may and 1 or 0
`)

/** Arguments: fingerprint, and how long a deletion protects the next token, in ms. Reply: 0 if the token was kept. */
export const DELETE: Script = script(`
if state.error_print == ARGV[1] then drop('error', 'error_print', 'error_fence', 'error_until') end
if state.token_print ~= ARGV[1] or not lives('token') then return 1 end
local pause = tonumber(ARGV[2])
local since = now - number('deleted')
if since >= 0 and since < pause * 1000 then return 0 end
drop('token', 'token_print', 'token_fence', 'token_until')
put('deleted', now)
keep(pause)
return 1
`)
