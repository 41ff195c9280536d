#!/usr/bin/env bash
# redis-semaphore 5.8.0 (npm): tryAcquire() waits ten seconds for a lock that is taken, and with acquireTimeout 0 fails for a
# free one.
#
# Expected: try is to try once: false at once if another has the lock, as with Java's tryLock() or a mutex' try_lock(). Its
#   README: acquireTimeout is the "max timeout for .acquire() call".
# Seen: tryAcquire() tries again and again until acquireTimeout is over (10 s by default), as acquire() does; the two differ
#   only in false and an error. With acquireTimeout: 0 nothing is sent, and each call says false though the lock is free.
# Who meets it: "if another one is at it, skip": the job waits ten seconds, and then runs after the other one, again.
# Instead: acquireAttemptsLimit: 1.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages redis-semaphore@5.8.0 ioredis@5.11.1
node_run "$port" <<'NODE'
import assert from 'node:assert'
import Redis from 'ioredis'
import { Mutex, Semaphore } from 'redis-semaphore'

const redis = new Redis(Number(process.argv[2]))
const tried = async (lock) => {
  const start = Date.now()
  const acquired = await lock.tryAcquire()
  return { acquired, ms: Date.now() - start }
}
const options = { lockTimeout: 60000, refreshInterval: 0 }
const kinds = {
  Mutex: (key, more) => new Mutex(redis, key, { ...options, ...more }),
  Semaphore: (key, more) => new Semaphore(redis, key, 1, { ...options, ...more }),
}
for (const [name, make] of Object.entries(kinds)) {
  await make('taken').acquire()
  const seen = {
    'taken, by default': await tried(make('taken')),
    'taken, acquireTimeout 500': await tried(make('taken', { acquireTimeout: 500 })),
    'taken, acquireAttemptsLimit 1': await tried(make('taken', { acquireAttemptsLimit: 1 })),
    'free, acquireTimeout 0': await tried(make('free', { acquireTimeout: 0 })),
    'free, acquireAttemptsLimit 1': await tried(make('free', { acquireAttemptsLimit: 1 })),
  }
  console.log(name, seen)
  assert.deepEqual(Object.values(seen).map(({ acquired }) => acquired), [false, false, false, false, true])
  const [byDefault, half, once] = Object.values(seen).map(({ ms }) => ms)
  assert.ok(byDefault >= 9900 && half >= 490 && once < 490)
  await redis.flushall()
}
process.exit(0)
NODE
