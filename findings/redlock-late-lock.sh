#!/usr/bin/env bash
# @sesamecare-oss/redlock 1.4.0, redlock 5.0.0-beta.2 (npm): acquire() gives a lock that was over before its answer came.
#
# Expected: the description of Redlock: the lock is acquired only if the time that it took is less than its validity; else it
#   is released everywhere. redlock 4.2.0 does so.
# Seen: the answer to a lock of 200 ms comes after 400 ms: redlock 4.2.0 says that it couldn't lock; the two newer ones give a
#   lock, whose `expiration` is in the past, and using() calls its routine with signal.aborted false. Meanwhile another client
#   has the same lock: both are inside.
# Who meets it: short locks and a slow network, a failover, an event loop that was blocked while the answer lay there.
# Instead: after acquire() compare lock.expiration with Date.now(), and release() and try again if little is left.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages @sesamecare-oss/redlock@1.4.0 redlock5@npm:redlock@5.0.0-beta.2 redlock4@npm:redlock@4.2.0 ioredis@5.11.1
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { connect, createServer } from 'node:net'
import { createRequire } from 'node:module'
import * as sesamecare from '@sesamecare-oss/redlock'
import Redis from 'ioredis'
import Redlock4 from 'redlock4'

const Redlock5 = createRequire(import.meta.url)('redlock5').default
const port = Number(process.argv[2])
let late = 0

// A way to the server on which answers take `late` ms.
const way = createServer((client) => {
  const server = connect(port, '127.0.0.1')
  client.pipe(server)
  server.on('data', (data) => setTimeout(() => client.write(data), late))
})
await new Promise((ready) => way.listen(0, '127.0.0.1', ready))
const slow = new Redis(way.address().port)
const direct = new Redis(port)
await slow.ping()

const other = new sesamecare.Redlock([direct], { retryCount: 0 })
const look = async (name, acquire) => {
  late = 0
  await acquire(`warm up ${name}`).catch(() => {}) // loads its script
  late = 400
  const got = await acquire(name).then((lock) => ({ left: lock.expiration - Date.now() }), (error) => ({ error: error.message }))
  const second = await other.acquire([name], 10000).then(() => 'has it too', (error) => error.message)
  console.log(name, '| with 400 ms for a lock of 200 ms:', got, '| another client', second)
  return { got, second }
}
const four = new Redlock4([slow], { retryCount: 0 })
const five = new Redlock5([slow], { retryCount: 0 })
const fork = new sesamecare.Redlock([slow], { retryCount: 0 })
const old = await look('redlock 4.2.0', (name) => four.lock(name, 200))
assert.match(old.got.error, /Exceeded 0 attempts/)
for (const [name, redlock] of [['redlock 5.0.0-beta.2', five], ['@sesamecare-oss/redlock', fork]]) {
  const { got, second } = await look(name, (resource) => redlock.acquire([resource], 200))
  assert.ok(got.left < 0 && second === 'has it too')
}
const settings = { automaticExtensionThreshold: 50 }
let inside
await fork.using(['using'], 200, settings, async (signal) => {
  inside = { aborted: signal.aborted, held: await direct.exists('using') }
}).catch(() => {}) // the release fails, as it should
console.log('inside using():', inside)
assert.deepEqual(inside, { aborted: false, held: 0 })
process.exit(0)
NODE
