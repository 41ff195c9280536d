#!/usr/bin/env bash
# @epic-web/cachified 5.6.3 (npm): a forced refresh that fails makes what has expired fresh again, for a whole TTL.
#
# Expected: `fallbackToCache`, on by default, returns the cached value when getting a forced fresh value fails. The entry stays what it is:
#   what had expired is still expired for the next call.
# Seen: the old value is written to the cache with a new date of creation. The next calls return it as a hit and don't
#   ask for a fresh one until another TTL is over; forced refreshes that go on failing keep it for ever. Without the forced
#   refresh the same call throws. `fallbackToCache: ms` counts from the new date, too.
# Who meets it: a forced refresh by a webhook or a button while the source is down: a price that had expired is valid again,
#   though each plain call before said that it can't be had.
# Instead: fallbackToCache: false, and fall back by cache.get() in the caller.
source "$(dirname "$0")/lib.bash"

node_packages @epic-web/cachified@5.6.3
node_run <<'NODE'
import assert from 'node:assert'
import { cachified } from '@epic-web/cachified'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const cache = new Map()
let asked = 0
const price = (options) => cachified({ key: 'price', cache, ttl: 1000, ...options, getFreshValue: () => {
  asked += 1
  if (asked > 1) throw new Error('down')
  return 'old price'
} }).catch((error) => error.message)
const age = () => Date.now() - cache.get('price').metadata.createdTime
assert.equal(await price(), 'old price')
await sleep(1500)
const expired = [await price(), asked]
const forced = [await price({ forceFresh: true }), asked]
const ageAfter = age()
const plain = [await price(), await price(), asked]
console.log('after 1.5 s of a TTL of 1 s, plain:', expired, 'forced:', forced, `then ${ageAfter} ms old, plain again:`, plain)
assert.deepEqual([expired, forced, plain], [['down', 2], ['old price', 3], ['old price', 'old price', 3]])
assert.ok(ageAfter < 500)
for (let i = 0; i < 4; i++) {
  await sleep(700)
  await price({ forceFresh: true, fallbackToCache: 1500 })
}
const late = await price()
console.log('forced four times more within 2.8 s, at most 1.5 s old:', late)
assert.equal(late, 'old price')
NODE
