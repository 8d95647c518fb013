-- Every change of quotas is one run of this script, so that checks and changes are one step.
--
-- KEYS  1 leases (sorted by expiry)  2 ledger (stream)  3 the lease  4... the scopes' counters
-- ARGV  1 verb  2 now in ms, empty for the server's own clock  3... what the verb needs
--
-- Windows are fixed (UTC minute, day, month): a counter is one exact number, what is given back
-- goes to the window it was taken from, and the reset that clients are told is true.
-- Keys of settled leases are read from the lease; all share one hash tag, hence one slot.

local MINUTE, DAY = 60000, 86400000
-- How long it is known that an id was settled: while the same settlement may come again, and while
-- the call of a lease that was reaped may still run.
local REPEATED, OUTLIVED = 30000, 3600000
local floor = math.floor
local leases, ledger = KEYS[1], KEYS[2]

local function clock()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + floor(time[2] / 1000)
end
local now = clock()

local function whole(number) return string.format('%.0f', number) end

-- Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
local function month_window()
  local day = floor(now / DAY)
  local shifted = day + 719468
  local era = floor(shifted / 146097)
  local doe = shifted - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local march = floor((5 * doy + 2) / 153)
  local of_month = doy - floor((153 * march + 2) / 5) + 1
  local month = march < 10 and march + 3 or march - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  local days = 30 + (month + floor(month / 8)) % 2
  if month == 2 then
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    days = leap and 29 or 28
  end
  return year * 12 + month, (day - of_month + 1 + days) * DAY
end

local function window_of(kind)
  if kind == 'month' then return month_window() end
  local length = kind == 'day' and DAY or MINUTE
  local window = floor(now / length)
  return window, (window + 1) * length
end

-- Looks at every limit in ARGV[8], "scope's number, kind, cap; …", of KEYS[4...].
local function look(amounts)
  local fits, steps = true, {}
  for scope, kind, cap in string.gmatch(ARGV[8], '(%d+) (%a+) (%d+)') do
    local key = KEYS[3 + scope]
    cap = tonumber(cap)
    local used, window, ends = 0, 0, now + 1000
    if kind == 'streams' then
      used = redis.call('SCARD', key .. ':streams')
    else
      window, ends = window_of(kind)
      local known = redis.call('HMGET', key, kind .. '.window', kind)
      if known[1] == whole(window) then used = tonumber(known[2]) end
    end
    if used + amounts[kind] > cap then fits = false end
    steps[#steps + 1] = { key = key, kind = kind, used = used, window = window, ends = ends }
  end
  return fits, steps
end

-- Takes the amounts of all limits; returns a line for each, as a lease remembers it.
local function take(id, steps, amounts)
  local taken = {}
  for _, step in ipairs(steps) do
    if step.kind == 'streams' then
      redis.call('SADD', step.key .. ':streams', id)
    else
      redis.call('HSET', step.key, step.kind .. '.window', whole(step.window),
        step.kind, whole(step.used + amounts[step.kind]))
      if redis.call('PEXPIRETIME', step.key) < step.ends then
        redis.call('PEXPIREAT', step.key, whole(step.ends))
      end
    end
    taken[#taken + 1] = step.key .. ' ' .. step.kind .. ' ' .. whole(step.window) .. '\n'
    step.used = step.used + amounts[step.kind]
  end
  return table.concat(taken)
end

local function amounts_of(tokens, cost)
  return { requests = 1, streams = 1, tokens = tonumber(tokens),
    day = tonumber(cost), month = tonumber(cost) }
end

local function told(granted, steps)
  local answer = { granted and 1 or 0 }
  for _, step in ipairs(steps) do
    answer[#answer + 1] = step.used
    answer[#answer + 1] = step.ends - now
  end
  return answer
end

-- ARGV 3 id  4 lease in ms  5 tokens  6 cost  7 row so far  8 limits
local function reserve()
  local id, lease, amounts = ARGV[3], KEYS[3], amounts_of(ARGV[5], ARGV[6])
  -- A client that lost the answer asks again with the same id.
  local held = redis.call('EXISTS', lease) == 1
  local fits, steps = look(amounts)
  if fits and not held then
    redis.call('HSET', lease, 'tokens', ARGV[5], 'cost', ARGV[6], 'opened', ARGV[7],
      'taken', take(id, steps, amounts))
    redis.call('ZADD', leases, whole(now + ARGV[4]), id)
  end
  return told(fits or held, steps)
end

-- ARGV 3 id  7 a name of this step, which may come twice  8 limits to hold as well
-- Without a lease there is nothing that could be given back, and nothing is taken.
local function widen()
  local id, lease = ARGV[3], KEYS[3]
  local known = redis.call('HMGET', lease, 'tokens', 'cost', 'taken', 'widened')
  if not known[1] or known[4] == ARGV[7] then return { 1 } end
  local amounts = amounts_of(known[1], known[2])
  local fits, steps = look(amounts)
  if fits then
    redis.call('HSET', lease, 'taken', known[3] .. take(id, steps, amounts),
      'widened', ARGV[7])
  end
  return told(fits, steps)
end

local function write(id, row)
  redis.call('XADD', ledger, '*', 'id', id, 'at', whole(now), 'outcome', row.outcome,
    'tokens', row.tokens, 'cost', row.cost, 'opened', row.opened, 'closed', row.closed,
    'reserved_tokens', row.reserved_tokens, 'reserved_cost', row.reserved_cost)
end

-- Returns whether this id is settled for the first time.
local function first_time(lease, known_for)
  return redis.call('SET', lease .. ':settled', 1, 'NX', 'PX', known_for) ~= false
end

-- Returns whether there was a lease; without tokens and cost all that was reserved counts as used.
local function close(id, lease, outcome, closed, tokens, cost)
  local known = redis.call('HMGET', lease, 'tokens', 'cost', 'opened', 'taken')
  redis.call('ZREM', leases, id)
  if not known[1] then return false end
  tokens, cost = tokens or known[1], cost or known[2]
  for key, kind, window in string.gmatch(known[4], '(%S+) (%S+) (%S+)') do
    local more = 0
    if kind == 'streams' then
      redis.call('SREM', key .. ':streams', id)
    elseif kind == 'tokens' then
      more = tokens - known[1]
    elseif kind ~= 'requests' then
      more = cost - known[2]
    end
    if more ~= 0 and redis.call('HGET', key, kind .. '.window') == window then
      redis.call('HINCRBY', key, kind, whole(more))
    end
  end
  redis.call('DEL', lease)
  first_time(lease, REPEATED)
  write(id, { outcome = outcome, tokens = tokens, cost = cost, closed = closed,
    opened = known[3], reserved_tokens = known[1], reserved_cost = known[2] })
  return true
end

-- ARGV 3 id  4 outcome  5 rest of the row  6 tokens  7 cost
-- and where the row is to be written without a lease: 8 row so far  9 reserved tokens  10 cost
local function settle()
  local id, lease = ARGV[3], KEYS[3]
  if close(id, lease, ARGV[4], ARGV[5], ARGV[6], ARGV[7]) then return 1 end
  if ARGV[8] == nil or not first_time(lease, OUTLIVED) then return 0 end
  write(id, { outcome = ARGV[4], closed = ARGV[5], tokens = ARGV[6], cost = ARGV[7],
    opened = ARGV[8], reserved_tokens = ARGV[9], reserved_cost = ARGV[10] })
  return 1
end

-- ARGV 3 lease in ms  4... ids; returns the ids that have no lease any more
local function extend()
  local lost = {}
  for at = 4, #ARGV do
    if redis.call('ZSCORE', leases, ARGV[at]) then
      redis.call('ZADD', leases, 'GT', whole(now + ARGV[3]), ARGV[at])
    else
      lost[#lost + 1] = ARGV[at]
    end
  end
  return lost
end

-- ARGV 3 most leases  4 outcome; KEYS 3 what the keys of leases begin with
local function reap()
  local lapsed = redis.call('ZRANGE', leases, '-inf', whole(now), 'BYSCORE', 'LIMIT', 0, ARGV[3])
  for _, id in ipairs(lapsed) do
    first_time(KEYS[3] .. id, OUTLIVED)
    close(id, KEYS[3] .. id, ARGV[4], '{}')
  end
  return #lapsed
end

return ({ reserve = reserve, widen = widen, settle = settle, extend = extend, reap = reap })[ARGV[1]]()
