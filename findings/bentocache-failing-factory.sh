#!/usr/bin/env bash
# bentocache 1.6.1 (npm): when the factory fails, those who waited run it one after the other, and the last waits for all of
# them.
#
# Expected: its documentation of stampede protection: of the calls for one key only one runs the factory, the others wait for
#   its result. One takes an error for a result, as async-cache-dedupe does.
# Seen: ten calls at once of a factory that fails after 100 ms run it ten times, in turn. The first fails after 0.1 s, the tenth
#   after 1 s. With `grace` and an old value it is one call.
# Who meets it: a source that is down, at the moment when the cache is cold: each caller waits for as long as there are callers
#   before it.
# Instead: catch the error within the factory and return it as a value with a short TTL (`setTtl`), or `grace`.
source "$(dirname "$0")/lib.bash"

node_packages bentocache@1.6.1 async-cache-dedupe@3.4.0
node_run <<'NODE'
import assert from 'node:assert'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache } from 'async-cache-dedupe'

const bento = new BentoCache({ default: 'memory', stores: { memory: bentostore().useL1Layer(memoryDriver({})) } })
const dedupe = createCache({ ttl: 60, storage: { type: 'memory' } })
let calls, running, most
const factory = async () => {
  calls += 1
  most = Math.max(most, (running += 1))
  await new Promise((done) => setTimeout(done, 100))
  running -= 1
  throw new Error('the source is down')
}
dedupe.define('load', factory)
const ask = async (name, get) => {
  ;[calls, running, most] = [0, 0, 0]
  const begin = performance.now()
  const waited = await Promise.all(Array.from({ length: 10 }, () => get().catch(() => {}).then(() => performance.now() - begin)))
  const seen = { calls, most, first: Math.round(Math.min(...waited)), last: Math.round(Math.max(...waited)) }
  console.log(`${name}: the factory ran ${calls} times, ${most} at once; the first call ended after ${seen.first} ms, the last after ${seen.last}`)
  return seen
}
const one = await ask('bentocache', () => bento.getOrSet({ key: 'k', ttl: '1m', factory }))
assert.ok(one.calls === 10 && one.most === 1 && one.last > 900)
await bento.set({ key: 'old', value: 'old', ttl: 1, grace: '1m' })
await new Promise((done) => setTimeout(done, 50))
const options = { key: 'old', ttl: '1m', grace: '1m' }
assert.equal((await ask('bentocache with an old value in grace', () => bento.getOrSet({ ...options, factory }))).calls, 1)
const caught = ({ setTtl }) => factory().catch((error) => (setTtl('1s'), { error: error.message }))
assert.equal((await ask('bentocache, the error as a value', () => bento.getOrSet({ key: 'c', ttl: '1m', factory: caught }))).calls, 1)
const other = await ask('async-cache-dedupe', () => dedupe.load('k'))
assert.ok(other.calls === 1 && other.last < 900)
process.exit(0)
NODE
