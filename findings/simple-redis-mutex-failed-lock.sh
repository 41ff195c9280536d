#!/usr/bin/env bash
# simple-redis-mutex 3.0.0 (npm): lock() that has failed after `failAfter` takes the lock all the same, and nobody can release it.
#
# Expected: its README: if the lock isn't acquired before failAfter, "it will throw an error". Who got an error doesn't hold the lock, and
#   others get it.
# Seen: the SET that is under way when failAfter ends isn't taken back: its answer comes after the error, the key is there with the
#   whole timeout (30 s by default), its release function was thrown away, and the next lock() waits until the key expires. So the
#   lock that nobody held when it was asked for is held by nobody.
# Who meets it: a short failAfter, as in a web request, and a server that once answers more slowly; then all fail for half a minute.
# Instead: tryLock() in a loop of one's own, which hands back each lock that it got; failAfter far above what an answer takes.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages simple-redis-mutex@3.0.0 redis@5.8.2
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { lock, tryLock } from 'simple-redis-mutex'

const port = Number(process.argv[2])
let late = 0

// A way to the server on which answers take `late` ms.
const way = createServer((client) => {
  const server = connect(port, '127.0.0.1')
  client.pipe(server)
  server.on('data', (data) => setTimeout(() => client.write(data), late))
  client.on('error', () => {})
})
await new Promise((ready) => way.listen(0, '127.0.0.1', ready))
const slow = await createClient({ url: `redis://127.0.0.1:${way.address().port}` }).connect()
const direct = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()

const release = await lock(slow, 'warm up')
await release()
const key = '@simple-redis-mutex:lock-job'
assert.equal(await direct.exists(key), 0)
late = 300
const error = await lock(slow, 'job', { failAfter: 150 }).then(() => 'got it', (reason) => reason.message)
await sleep(400)
late = 0
const left = await direct.pTTL(key)
const [given] = await tryLock(slow, 'job')
const second = await lock(slow, 'job', { failAfter: 1000, pollingInterval: 100 }).then(() => 'got it', (reason) => reason.message)
console.log('lock():', error, '| the key has', left, 'ms left | another tryLock():', given, '| another lock():', second)
assert.match(error, /could not be acquired/)
assert.ok(left > 28_000)
assert.equal(given, false)
assert.match(second, /could not be acquired/)
process.exit(0)
NODE
