#!/usr/bin/env bash
# keyv 5.6.0 with @keyv/redis 5.1.6 (npm): a TTL with a fraction of a millisecond stores nothing, and set() says true.
#
# Expected: its README: a TTL in milliseconds; set resolves to true. In memory 1500.5 works.
# Seen: the adapter hands the number on as it is, Redis refuses it, and set resolves to true all the same. The refusal is an
#   "error" event and nothing else; where nobody listens for it, it is lost. The next get is undefined. A TTL of -1, which is
#   gone at once in memory, goes the same way and leaves the old value in place.
# Who meets it: a TTL with jitter, `ttl * (0.9 + Math.random() / 5)`, or one calculated from seconds: tests in memory are good,
#   on Redis hardly anything is cached. cache-manager over it is the same.
# Instead: Math.ceil(ttl), and keyv.on('error', ..).
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages keyv@5.6.0 @keyv/redis@5.1.6 cache-manager@7.2.9
PORT=$port node_run <<'NODE'
import assert from 'node:assert'
import KeyvRedis from '@keyv/redis'
import Keyv from 'keyv'
import { createCache } from 'cache-manager'

const url = `redis://127.0.0.1:${process.env.PORT}`
const seen = {}
for (const [name, keyv] of [['memory', new Keyv()], ['redis', new Keyv(new KeyvRedis(url))]]) {
  await keyv.set('old', 'old value', 60000)
  seen[name] = [await keyv.set('k', 'v', 1500.5), await keyv.get('k'), await keyv.set('old', 'v', -1), await keyv.get('old')]
  console.log(`${name}: set(k, v, 1500.5) and get:`, seen[name].slice(0, 2), '| set(old, v, -1) and get:', seen[name].slice(2))
}
assert.deepEqual(seen.memory, [true, 'v', true, undefined])
assert.deepEqual(seen.redis, [true, undefined, true, 'old value'])

const listening = new Keyv(new KeyvRedis(url))
const errors = []
listening.on('error', (error) => errors.push(error.message))
await listening.set('k', 'v', 1500.5)
console.log('what a listener is told:', errors)
assert.ok(errors[0].includes('not an integer'))

let calls = 0
const manager = createCache({ stores: [new Keyv(new KeyvRedis(url))] })
for (let i = 0; i < 3; i++) await manager.wrap('wrapped', async () => ++calls, 60000.5)
console.log('cache-manager: calls of a wrapped function that was asked three times:', calls)
assert.equal(calls, 3)
process.exit(0)
NODE
