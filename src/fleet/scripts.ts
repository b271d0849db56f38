// Each script runs as a whole or not at all, and reads the time from Redis: processes whose clocks differ agree on what
// is due (https://redis.io/docs/latest/develop/programmability/eval-intro/; TIME in scripts needs Redis 5 or newer).

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Begins to track a task, unless it is tracked already. A lost task begins anew, as soon as its floor and a Retry-After
 * allow: its last answer becomes the next transition, so that it is delivered after the loss.
 *
 * KEYS task open kept; ARGV job gen ref. Returns whether it begins, and the fields of the task.
 */
export const TRACK = `${NOW}
local task, open, kept = unpack(KEYS)
local job, gen, ref = unpack(ARGV)
local current, lost, last, seq, since, earliest =
  unpack(redis.call('HMGET', task, 'gen', 'lost', 'task', 'seq', 'since', 'earliest'))
local begins = 0
if not current then
  begins = 1
  redis.call('HSET', task, 'gen', gen, 'ref', ref, 'since', now, 'due', now, 'seq', 0, 'acked', 0)
elseif lost then
  begins = 1
  if last then seq = seq + 1 end
  redis.call('HSETNX', task, 'trackedAt', since)
  redis.call('HSET', task, 'since', now, 'due', math.max(now, tonumber(earliest or 0)), 'seq', seq, 'sinceSeq', seq)
  redis.call('HDEL', task, 'lost')
  redis.call('PERSIST', task)
end
if begins == 1 then
  redis.call('SADD', open, job)
  redis.call('SADD', kept, job)
end
return { begins, redis.call('HGETALL', task) }`;

/**
 * Begins one poll, if it is due and the worker still holds the lock of the job. The floor counts from here, also for a
 * worker that takes over after a crash.
 *
 * KEYS task lock; ARGV token floor. Returns a verdict, the time, and the fields of the task.
 * Verdicts: -1 the lock was lost, 0 the task was forgotten or is settled, 1 ask, 2 too early.
 */
export const BEGIN = `${NOW}
local task, lock = unpack(KEYS)
local token, floor = unpack(ARGV)
if redis.call('GET', lock) ~= token then return { -1, now, {} } end
local fields = redis.call('HGETALL', task)
local field = {}
for at = 1, #fields, 2 do field[fields[at]] = fields[at + 1] end
if not field.gen or field.lost or not field.due then return { 0, now, {} } end
if now < tonumber(field.due) then return { 2, now, fields } end
local earliest = now + (field.floor or floor)
redis.call('HSET', task, 'due', earliest, 'earliest', earliest)
redis.call('HDEL', task, 'wanted')
return { 1, now, fields }`;

/**
 * Ends one poll: writes state, transition and due time in one go, if the worker still holds the lock and the task is
 * still the one that it asked about.
 *
 * KEYS task lock transitions open limiter; ARGV token gen job state due earliest floor transition urls channel
 * lost expiry pause length. Of the polling of a task that ends here, only the time from which it may be asked about
 * again is kept.
 * A task for which a notifier has called in the meantime is due as early as is allowed.
 * Returns a verdict, the number of the last transition, and the due time.
 * Verdicts: -1 the lock was lost, 0 the task was forgotten, 1 written.
 */
export const STEP = `${NOW}
local task, lock, transitions, open, limiter = unpack(KEYS)
local token, gen, job, state, due, earliest, floor, transition, urls, channel, lost, expiry, pause, length = unpack(ARGV)
pause = tonumber(pause)
if pause > 0 and redis.call('PTTL', limiter) < pause then
  redis.call('SET', limiter, '9007199254740991', 'PX', pause)
end
if redis.call('GET', lock) ~= token then return { -1, 0, 0 } end
if redis.call('HGET', task, 'gen') ~= gen then return { 0, 0, 0 } end
local wanted, seq = unpack(redis.call('HMGET', task, 'wanted', 'seq'))
if wanted then due = earliest end
if transition ~= '' or lost ~= '' then
  if transition ~= '' then redis.call('HSET', task, 'task', transition) end
  if lost ~= '' then redis.call('HSET', task, 'lost', lost) end
  seq = redis.call('HINCRBY', task, 'seq', 1)
  redis.call('XADD', transitions, 'MAXLEN', '~', length, '*', 'job', job, 'gen', gen, 'seq', seq, 'task', transition, 'lost', lost)
  if urls ~= '' then redis.call('PUBLISH', channel, cjson.encode({ job, gen, seq, urls })) end
end
redis.call('HDEL', task, 'wanted')
if expiry ~= '' then
  redis.call('HDEL', task, 'state', 'due', 'floor')
  redis.call('HSET', task, 'earliest', earliest)
  redis.call('SREM', open, job)
  redis.call('PEXPIREAT', task, expiry)
else
  redis.call('HSET', task, 'state', state, 'due', due, 'earliest', earliest, 'floor', floor)
end
return { 1, tonumber(seq), tonumber(due) }`;

/**
 * Acknowledges transitions up to a number, or to the last one: a late call may be about an earlier tracking.
 *
 * KEYS task kept open; ARGV job gen seq.
 */
export const ACK = `
local task, kept, open = unpack(KEYS)
local job, gen, seq = unpack(ARGV)
local last, acked, current = unpack(redis.call('HMGET', task, 'seq', 'acked', 'gen'))
if not current or (gen ~= '' and gen ~= current) then return 0 end
seq, last, acked = math.min(tonumber(seq), tonumber(last)), tonumber(last), tonumber(acked)
if seq > acked then
  redis.call('HSET', task, 'acked', seq)
  acked = seq
end
if acked >= last and redis.call('SISMEMBER', open, job) == 0 then redis.call('SREM', kept, job) end
return 1`;

/**
 * Ends the streams of a task everywhere and drops what is known of it. KEYS task open kept transitions; ARGV job
 * length.
 */
export const FORGET = `
local task, open, kept, transitions = unpack(KEYS)
local job, length = unpack(ARGV)
local gen = redis.call('HGET', task, 'gen')
if not gen then return 0 end
redis.call('DEL', task)
redis.call('SREM', open, job)
redis.call('SREM', kept, job)
redis.call('XADD', transitions, 'MAXLEN', '~', length, '*', 'job', job, 'gen', gen, 'seq', 0, 'task', '', 'lost', '')
return 1`;

/**
 * Makes a task due as early as its floor and a Retry-After allow, because a notifier called; one that is being asked
 * about, at the end of its poll. KEYS task; ARGV gen. Returns the due time, 0 for a task that is settled or gone.
 */
export const WAKE = `${NOW}
local task = KEYS[1]
local gen, due, earliest = unpack(redis.call('HMGET', task, 'gen', 'due', 'earliest'))
if gen ~= ARGV[1] or not due then return 0 end
redis.call('HSET', task, 'wanted', 1)
due = math.min(tonumber(due), math.max(now, tonumber(earliest or 0)))
redis.call('HSET', task, 'due', due)
return due`;

/** Takes or renews a lease. KEYS lease; ARGV owner ms. Returns whether it is held. */
export const LEASE = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** Gives a lease back. KEYS lease; ARGV owner. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;
