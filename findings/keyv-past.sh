#!/usr/bin/env bash
# keyv 6.1.0, cacheable 2.5.0 (npm): a negative TTL, a deadline that has passed, is for ever; with keyv 5.6.0 it is gone at once.
#
# Expected: set(key, value, deadline - Date.now()) stores nothing, or something that is over, when the deadline has just passed: so
#   it is in keyv 5, in cacheable's own store in memory and in lru-cache.
# Seen: keyv 6 says true and keeps the value without an expiry, setMany() does so too, and it replaces the value that was there.
#   cacheable, which has keyv 5 inside, does the same, with 0 as well, though CacheableMemory, its store by default, takes both
#   as over.
# Who meets it: tokens, sessions and answers with an expiry of their own, kept for the rest of it: one that is over already stays valid.
#   An upgrade from keyv 5 to 6 changes it without a word.
# Instead: if the rest isn't above zero, delete() the key.
source "$(dirname "$0")/lib.bash"

node_packages keyv@6.1.0 keyv5@npm:keyv@5.6.0 cacheable@2.5.0 lru-cache@11.5.3
node_run <<'NODE'
import assert from 'node:assert'
import { Keyv } from 'keyv'
import { Keyv as Keyv5 } from 'keyv5'
import { Cacheable, CacheableMemory } from 'cacheable'
import { LRUCache } from 'lru-cache'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lru = new LRUCache({ max: 10 })
const stores = { 'keyv 6': new Keyv(), 'keyv 5': new Keyv5(), cacheable: new Cacheable(), CacheableMemory: new CacheableMemory(),
  'lru-cache': { set: (key, value, ttl) => lru.set(key, value, { ttl }), get: (key) => lru.get(key) } }
const seen = {}
for (const [name, store] of Object.entries(stores)) {
  await store.set('token', 'old')
  await store.set('short', 'value', 20)
  for (const ttl of [-1, -60000]) await store.set(`token${ttl}`, 'over', ttl)
  await store.set('token', 'over', -1)
  await sleep(100)
  seen[name] = []
  for (const key of ['token', 'token-1', 'token-60000', 'short']) seen[name].push(await store.get(key))
  console.log(`${name}: with -1 over an old value, -1, -60000 and 20 ms, 100 ms later:`, seen[name].map(String).join(', '))
}
const kept = ['over', 'over', 'over', undefined], gone = [undefined, undefined, undefined, undefined]
assert.deepEqual(seen, { 'keyv 6': kept, 'keyv 5': gone, cacheable: kept, CacheableMemory: gone, 'lru-cache': gone })
await stores['keyv 6'].setMany([{ key: 'many', value: 'over', ttl: -1 }])
const zero = []
for (const store of [stores.cacheable, stores.CacheableMemory]) {
  await store.set('zero', 'value', 0)
  await sleep(10)
  zero.push(await store.get('zero'))
}
console.log('keyv 6 by setMany:', await stores['keyv 6'].getRaw('many'), 'TTL 0 in cacheable and CacheableMemory:', zero)
assert.deepEqual([await stores['keyv 6'].getRaw('many'), ...zero], [{ value: 'over' }, 'value', undefined])
NODE
