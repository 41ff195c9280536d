#!/usr/bin/env bash
# @isaacs/ttlcache 2.1.5 (npm): with updateAgeOnGet or updateAgeOnHas a read gives the entry the cache's TTL in place of its own.
#
# Expected: the age begins anew: an entry of one second lives one second more after a get(), as in lru-cache by the same
#   author, whose option has the same name.
# Seen: an entry that was set with a TTL of a second in a cache of an hour has an hour after its first get() or has(), and one that
#   was set for ever has an hour, too. noUpdateTTL doesn't change it. Entries that nobody reads keep their own.
# Who meets it: short-lived entries among long-lived ones, such as "not found" for ten seconds: what is asked for most lives as long
#   as the rest.
# Instead: get(key, { ttl }) with the entry's own each time; lru-cache; or one cache for each lifetime.
source "$(dirname "$0")/lib.bash"

node_packages @isaacs/ttlcache@2.1.5 lru-cache@11.5.3
node_run <<'NODE'
import assert from 'node:assert'
import { TTLCache } from '@isaacs/ttlcache'
import { LRUCache } from 'lru-cache'

const hour = 3600_000
const make = { ttlcache: (options) => new TTLCache({ ttl: hour, ...options }), 'lru-cache': (options) => new LRUCache({ max: 10, ttl: hour, ...options }) }
const seen = {}
for (const [name, cache] of Object.entries(make)) {
  seen[name] = []
  for (const [option, call] of [['updateAgeOnGet', 'get'], ['updateAgeOnHas', 'has']]) {
    const store = cache({ [option]: true, noUpdateTTL: true })
    store.set('short', 1, { ttl: 1000 })
    store.set('unread', 1, { ttl: 1000 })
    store[call]('short')
    seen[name].push(...['short', 'unread'].map((key) => Math.round(store.getRemainingTTL(key) / 1000)))
  }
  console.log(`${name}: seconds left of one, after get(), not read, after has(), not read:`, seen[name])
}
assert.deepEqual(seen, { ttlcache: [3600, 1, 3600, 1], 'lru-cache': [1, 1, 1, 1] })
const store = make.ttlcache({ updateAgeOnGet: true })
store.set('always', 1, { ttl: Infinity })
store.get('always')
console.log('set for ever, after get():', store.getRemainingTTL('always') / 1000)
assert.ok(store.getRemainingTTL('always') <= hour)
process.exit()
NODE
