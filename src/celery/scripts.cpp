#include "celery/scripts.hpp"

namespace pricing::celery::scripts {

// KEYS: unacked, unacked_index, deliveries, dead letter, then the lists in the order of their service.
// ARGV: how many, now, most deliveries, length of the dead letter, then for each list the end of its unacked value:
//       `, "<exchange>", "<routing key>"]`.
// Returns {index of the list from 1, tag, raw, …}. A message that cannot be kept under a tag, or has come too often,
// goes to the dead letter as {"reason", "queue", "at", "message"}.
const redis::script reserve(R"lua(
local want = tonumber(ARGV[1])
local now, most, letters = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local tags, lists, raws, seen = {}, {}, {}, {}
local function set_aside(raw, key, reason)
  redis.call('LPUSH', KEYS[4], cjson.encode({reason = reason, queue = key, at = now, message = raw}))
  redis.call('LTRIM', KEYS[4], 0, letters - 1)
end
for k = 5, #KEYS do
  local left = want - #tags
  if left <= 0 then break end
  local got = redis.call('RPOP', KEYS[k], left)
  if got then
    for _, raw in ipairs(got) do
      -- Both stand near the end of what kombu and we write; a look at the whole text costs as much as all the rest.
      local tag = string.match(raw, '"delivery_tag"%s*:%s*"([^"\\]+)"', -80)
          or string.match(raw, '.*"delivery_tag"%s*:%s*"([^"\\]+)"')
      local times = 0 -- it was delivered before; the first time is not counted anywhere
      if tag and string.find(raw, 'redelivered": true', -400, true) then
        times = redis.call('HINCRBY', KEYS[3], tag, 1)
        redis.call('EXPIRE', KEYS[3], 604800)
      end
      if not tag then
        set_aside(raw, KEYS[k], 'no delivery_tag')
      elseif times >= most then
        redis.call('HDEL', KEYS[3], tag)
        set_aside(raw, KEYS[k], 'delivered ' .. times .. ' times and never finished')
      else
        if seen[tag] then tag = tag .. ':' .. now .. ':' .. #tags end
        seen[tag] = true
        tags[#tags + 1], lists[#lists + 1], raws[#raws + 1] = tag, k - 4, raw
      end
    end
  end
end
if #tags == 0 then return {} end
local scores = {}
for i = 1, #tags do
  scores[2 * i - 1] = now
  scores[2 * i] = tags[i]
end
if redis.call('ZADD', KEYS[2], 'NX', unpack(scores)) < #tags then
  -- A tag that is held already is another message's: this one gets a tag of its own.
  for i = 1, #tags do
    if redis.call('HEXISTS', KEYS[1], tags[i]) == 1 then
      tags[i] = tags[i] .. ':' .. now .. ':' .. i
      redis.call('ZADD', KEYS[2], now, tags[i])
    end
  end
end
local values, out = {}, {}
for i, raw in ipairs(raws) do
  values[2 * i - 1] = tags[i]
  values[2 * i] = '[' .. raw .. ARGV[4 + lists[i]]
  out[3 * i - 2] = lists[i]
  out[3 * i - 1] = tags[i]
  out[3 * i] = raw
end
redis.call('HSET', KEYS[1], unpack(values))
return out
)lua");

// KEYS: unacked, unacked_index, deliveries.
// ARGV: seconds a result lives (0: for ever), then per task: tag ("" when acknowledged before), 1 when it was
//       redelivered, number of operations, and per operation its kind, a key and a text:
//   R  result: written unless SUCCESS stands there, and published
//   L  message: pushed          S  counter: written with the life of a result, and published
//   D  ends the parts of a chord: deletes key.j, key.t and key.s; when key.j is gone, what follows was done before
// All but R happens only when the tag is still ours: after a redelivery to another worker they are that worker's.
const redis::script finish(R"lua(
local life = tonumber(ARGV[1])
local i = 2
local function write(key, text)
  if life > 0 then redis.call('SET', key, text, 'EX', life) else redis.call('SET', key, text) end
end
local function store(key, text)
  local fresh
  if life > 0 then
    fresh = redis.call('SET', key, text, 'NX', 'EX', life)
  else
    fresh = redis.call('SET', key, text, 'NX')
  end
  if not fresh then
    if string.find(redis.call('GET', key), '^{%s*"status"%s*:%s*"SUCCESS"') then return end
    write(key, text)
  end
  redis.call('PUBLISH', key, text)
end
local tags = {}
while i <= #ARGV do
  local tag, again, count = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  i = i + 3
  local simple = count == 0 or (count == 1 and ARGV[i] == 'R')
  local ours = true
  if tag ~= '' then
    if simple then
      tags[#tags + 1] = tag
    else
      ours = redis.call('ZREM', KEYS[2], tag) == 1
      if ours then redis.call('HDEL', KEYS[1], tag) end
    end
    if again == '1' then redis.call('HDEL', KEYS[3], tag) end
  end
  for _ = 1, count do
    local kind, key, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    i = i + 3
    if kind == 'R' then
      store(key, text)
    elseif ours then
      if kind == 'L' then
        redis.call('LPUSH', key, text)
      elseif kind == 'S' then
        write(key, text)
        redis.call('PUBLISH', key, text)
      elseif kind == 'D' then
        ours = redis.call('DEL', key .. '.j') == 1
        redis.call('DEL', key .. '.t', key .. '.s')
      end
    end
  end
end
if #tags > 0 then
  redis.call('ZREM', KEYS[2], unpack(tags))
  redis.call('HDEL', KEYS[1], unpack(tags))
end
return #tags
)lua");

// Gives back what was reserved and not begun, next to be served. KEYS: unacked, unacked_index, deliveries.
// ARGV: per message its tag, list and text (flagged as redelivered). Does not count as a delivery.
const redis::script restore(R"lua(
local given = 0
for i = 1, #ARGV, 3 do
  local tag = ARGV[i]
  if redis.call('ZREM', KEYS[2], tag) == 1 then
    redis.call('HDEL', KEYS[1], tag)
    redis.call('RPUSH', ARGV[i + 1], ARGV[i + 2])
    redis.call('HINCRBY', KEYS[3], tag, -1)
    given = given + 1
  end
end
if given > 0 then redis.call('EXPIRE', KEYS[3], 604800) end
return given
)lua");

// Restores one message of a worker that is gone, unless someone was faster. KEYS: unacked, unacked_index.
// ARGV: tag, latest score, list, text.
const redis::script sweep_one(R"lua(
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not score or tonumber(score) > tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', ARGV[3], ARGV[4])
return 1
)lua");

// Moves messages for later out of the reservations. KEYS: unacked, unacked_index, parked, parked index.
// ARGV: per message its tag, when to bring it back, list, text.
const redis::script park(R"lua(
local moved = 0
for i = 1, #ARGV, 4 do
  local tag = ARGV[i]
  if redis.call('ZREM', KEYS[2], tag) == 1 then
    redis.call('HDEL', KEYS[1], tag)
    redis.call('HSET', KEYS[3], tag, ARGV[i + 2] .. '\n' .. ARGV[i + 3])
    redis.call('ZADD', KEYS[4], ARGV[i + 1], tag)
    moved = moved + 1
  end
end
return moved
)lua");

// Brings parked messages back to their lists, next to be served. KEYS: parked, parked index. ARGV: now, most.
const redis::script promote(R"lua(
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, tag in ipairs(due) do
  local text = redis.call('HGET', KEYS[1], tag)
  if text then
    local cut = string.find(text, '\n', 1, true)
    redis.call('RPUSH', string.sub(text, 1, cut - 1), string.sub(text, cut + 1))
  end
  redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
end
return #due
)lua");

// A finished part of a chord. KEYS: .j, .t, .s, saved group. ARGV: index, part, seconds that they live.
// Returns {parts, extra, size or -1, 1 when the group is saved}.
const redis::script chord_part(R"lua(
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
local life = tonumber(ARGV[3])
if life > 0 then
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], life) end
end
return {redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0),
        tonumber(redis.call('GET', KEYS[3]) or -1), redis.call('EXISTS', KEYS[4])}
)lua");

} // namespace pricing::celery::scripts
