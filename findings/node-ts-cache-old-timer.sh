#!/usr/bin/env bash
# node-ts-cache 4.4.0 (npm): with isLazy: false a newer value is deleted when the one that it replaced would have expired.
#
# Expected: its README: with isLazy: false "entries will be deleted after the given ttl". The newer value's ttl is what counts for it, and
#   with isCachedForever there is none.
# Seen: setItem() starts a timer per call and a later setItem() of the same key doesn't end it: a value for ten seconds is gone after
#   0.1, one for ever too. With the default, isLazy: true, each lives as long as it should.
# Who meets it: whoever refreshes entries before they expire, which is what one does to avoid misses: each refresh is lost as soon as
#   the old entry would have been.
# Instead: the default; or the ttl of the store that is used.
source "$(dirname "$0")/lib.bash"

node_packages node-ts-cache@4.4.0 node-ts-cache-storage-memory@4.4.0
node_run <<'NODE'
import assert from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import { CacheContainer } from 'node-ts-cache'
import { MemoryStorage } from 'node-ts-cache-storage-memory'

const cache = new CacheContainer(new MemoryStorage())
const look = async (isLazy) => {
  for (const key of ['ten seconds', 'for ever', 'alone']) await cache.setItem(key, 'old', { ttl: 0.3, isLazy })
  await sleep(200)
  await cache.setItem('ten seconds', 'new', { ttl: 10, isLazy })
  await cache.setItem('for ever', 'new', { isCachedForever: true, isLazy })
  const before = [await cache.getItem('ten seconds'), await cache.getItem('for ever'), await cache.getItem('alone')]
  await sleep(200)
  const after = [await cache.getItem('ten seconds'), await cache.getItem('for ever'), await cache.getItem('alone')]
  console.log(`isLazy: ${isLazy}`, '| after the refresh:', before, '| 0.2 s later:', after)
  return { before, after }
}
const eager = await look(false)
await cache.clear()
const lazy = await look(true)
assert.deepEqual(eager, { before: ['new', 'new', 'old'], after: [undefined, undefined, undefined] })
assert.deepEqual(lazy, { before: ['new', 'new', 'old'], after: ['new', 'new', undefined] })
process.exit(0)
NODE
