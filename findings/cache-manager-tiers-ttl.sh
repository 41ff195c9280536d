#!/usr/bin/env bash
# cache-manager 7.2.9 (npm) with two stores: wrap() gives what it finds in the second one a new TTL in the first, or none.
#
# Expected: its README: several stores are tiers that are asked in turn. An entry has one TTL, so a copy in a nearer tier goes
#   when the entry does.
# Seen: wrap copies a hit of the second store into the first with the TTL of the call or of the cache, however little the entry
#   has left. Where neither gives one, the copy is for ever, though the entry has a TTL. get() copies nothing, and so asks the
#   second store each time.
# Who meets it: memory in front of Redis: a value lives for up to twice its TTL, or until the process ends; what another program
#   stored with a short TTL on purpose (a token, a price) is used long after.
# Instead: a TTL of the first store's own that one can bear, or cacheable, which takes over what is left.
source "$(dirname "$0")/lib.bash"

node_packages cache-manager@7.2.9 keyv@5.6.0 cacheable@2.5.0
node_run <<'NODE'
import assert from 'node:assert'
import { Cacheable } from 'cacheable'
import { createCache } from 'cache-manager'
import Keyv from 'keyv'

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const look = async (name, ttl, read) => {
  const [near, far] = [new Keyv(), new Keyv()]
  const cache = read ? new Cacheable({ primary: near, secondary: far, ttl }) : createCache({ stores: [near, far], ttl })
  await far.set('k', 'old', 200)
  const get = read ? () => cache.get('k') : () => cache.wrap('k', async () => 'new')
  const first = await get()
  const copy = await near.get('k', { raw: true })
  const left = copy && (copy.expires ? copy.expires - Date.now() : Infinity)
  await sleep(400)
  const seen = [first, left, await far.get('k'), await get()]
  console.log(`${name}: a read gives ${first}, which the first store keeps for ${left} ms;`)
  console.log(`  after the entry's 200 ms the second store has ${seen[2]}, a read gives ${seen[3]}`)
  return seen
}
const minute = await look('wrap, ttl of a minute', 60000)
assert.ok(minute[0] === 'old' && minute[1] > 50000 && minute[2] === undefined && minute[3] === 'old')
assert.deepEqual(await look('wrap, no ttl', undefined), ['old', Infinity, undefined, 'old'])
const other = await look('cacheable, get', 60000, true)
assert.ok(other[0] === 'old' && other[1] <= 200 && other[3] === undefined)
const [near, far] = [new Keyv(), new Keyv()]
await far.set('k', 'v')
const cache = createCache({ stores: [near, far] })
assert.equal(await cache.get('k'), 'v')
assert.equal(await near.get('k'), undefined)
NODE
