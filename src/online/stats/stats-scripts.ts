// The Lua scripts of the counters. Each call is one atomic step of Redis: nobody sees, and no crash leaves, a part of it.
//
// Keys: <prefix>:positions (hash), <prefix>:index (sorted set), <prefix>:kept (set), <prefix>:left-out (hash)
//   positions  run: "<id of this set of counters> <settings as JSON>"; count: how many places; <topic>/<partition>: "<first> <next> <topic id>"
//   index      every key of counters and unique counts, by when it expires (epoch ms; +inf: never)
//   kept       "<from> <to>" of minutes that do not expire, epoch ms

/**
 * A position that somebody removed is not told from one that never was, unless it is counted: then the others are worth nothing either,
 * because the partition would be counted twice. All counters go, and every partition is counted anew.
 */
const common = `
local function standing(keys, run)
  local found = redis.call('HMGET', keys[1], 'run', 'count')
  if not found[1] or not found[2] or redis.call('HLEN', keys[1]) ~= tonumber(found[2]) + 2 then
    for _, key in ipairs(redis.call('ZRANGE', keys[2], 0, -1)) do redis.call('UNLINK', key) end
    redis.call('DEL', keys[1], keys[2], keys[3], keys[4])
    redis.call('HSET', keys[1], 'run', run, 'count', 0)
  end
end
local function place(keys, name, topicId)
  local known = redis.call('HGET', keys[1], name)
  if not known then return nil, nil, false end
  local first, following, id = string.match(known, '^(%d+) (%d+) (%x+)$')
  if id ~= topicId then return nil, nil, true end
  return first, following, true
end
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** ARGV: run for a new set of counters, place, topic id. Answers the next offset ('' for none) and the run that the counters are of. */
export const positionScript = `${common}
standing(KEYS, ARGV[1])
local _, following = place(KEYS, ARGV[2], ARGV[3])
return {following or '', redis.call('HGET', KEYS[1], 'run')}
`;

/**
 * ARGV: run, place, topic id, expected ('' for none), first, next, expiry ms, unusable, future, then per minute: its begin (ms), key of its
 * counters, key of its unique values ('' for none), number of counters, name and count of each, number of unique values, each value.
 * Answers: next offset now ('' for none), events of minutes that have expired.
 */
export const applyScript = `${common}
standing(KEYS, ARGV[1])
local first, following, isKnown = place(KEYS, ARGV[2], ARGV[3])
if (following or '') ~= ARGV[4] then return {following or '', 0} end
local now = nowMs()
local expiry = tonumber(ARGV[7])
local kept = {}
for _, range in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local from, to = string.match(range, '^(%d+) (%d+)$')
  kept[#kept + 1] = {tonumber(from), tonumber(to)}
end
local function isKept(minute)
  for _, range in ipairs(kept) do
    if minute >= range[1] and minute < range[2] then return true end
  end
  return false
end
local late = 0
local at = 10
while ARGV[at] do
  local minute = tonumber(ARGV[at])
  local expires = minute + expiry
  local keeps = isKept(minute)
  local counts, uniques = ARGV[at + 1], ARGV[at + 2]
  local isLate = expires <= now and not keeps
  local fields = tonumber(ARGV[at + 3])
  at = at + 4
  for _ = 1, fields do
    if isLate then late = late + tonumber(ARGV[at + 1])
    else redis.call('HINCRBY', counts, ARGV[at], ARGV[at + 1]) end
    at = at + 2
  end
  local values = tonumber(ARGV[at])
  at = at + 1
  if not isLate and values > 0 then
    for from = at, at + values - 1, 4000 do
      redis.call('PFADD', uniques, unpack(ARGV, from, math.min(from + 3999, at + values - 1)))
    end
  end
  at = at + values
  if not isLate then
    local keys = values > 0 and {counts, uniques} or {counts}
    for _, key in ipairs(keys) do
      if not keeps then redis.call('PEXPIREAT', key, string.format('%.0f', expires)) end
      redis.call('ZADD', KEYS[2], keeps and '+inf' or string.format('%.0f', expires), key)
    end
  end
end
if not isKnown then redis.call('HINCRBY', KEYS[1], 'count', 1) end
redis.call('HSET', KEYS[1], ARGV[2], (first or ARGV[5]) .. ' ' .. ARGV[6] .. ' ' .. ARGV[3])
for name, count in pairs({unusable = tonumber(ARGV[8]), future = tonumber(ARGV[9]), late = late}) do
  if count > 0 then redis.call('HINCRBY', KEYS[4], name, count) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
return {ARGV[6], late}
`;

/**
 * ARGV: name of the first minute, of the one behind the last. Answers: now (ms), positions and what was left out as flat lists, minutes that are
 * kept, then key and flat counters of every minute, and the keys of counters that have gone before their time.
 */
export const snapshotScript = `${common}
local now = nowMs()
local rows, gone = {}, {}
local index = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for at = 1, #index, 2 do
  local key, expires = index[at], tonumber(index[at + 1])
  local minute = string.match(key, ':(%d%d%d%d_%d%d%d%d_%d%d%d%d)$')
  if minute and minute >= ARGV[1] and minute < ARGV[2] then
    local counts = redis.call('HGETALL', key)
    if #counts > 0 then
      rows[#rows + 1] = key
      rows[#rows + 1] = counts
    elseif expires > now then
      gone[#gone + 1] = key
    end
  end
end
local kept = redis.call('SMEMBERS', KEYS[3])
return {string.format('%.0f', now), redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[4]), kept, rows, gone}
`;

/** ARGV: begin of the first minute and end of the last (ms), the same as names, expiry ms. Answers 0 if some have expired already. */
export const keepScript = `${common}
if redis.call('SISMEMBER', KEYS[3], ARGV[1] .. ' ' .. ARGV[2]) == 1 then return 1 end
if tonumber(ARGV[1]) + tonumber(ARGV[5]) <= nowMs() then return 0 end
redis.call('SADD', KEYS[3], ARGV[1] .. ' ' .. ARGV[2])
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local minute = string.match(key, ':(%d%d%d%d_%d%d%d%d_%d%d%d%d)$') or string.match(key, ':(%d%d%d%d_%d%d%d%d_%d%d%d%d):')
  if minute and minute >= ARGV[3] and minute < ARGV[4] and redis.call('PERSIST', key) == 1 then
    redis.call('ZADD', KEYS[2], '+inf', key)
  end
end
return 1
`;
