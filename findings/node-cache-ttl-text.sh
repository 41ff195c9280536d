#!/usr/bin/env bash
# @cacheable/node-cache 3.0.1 and node-cache 5.1.2 (npm), "fully compatible": a TTL written as text is a thousand times shorter, or for ever.
#
# Expected: node-cache's README: ttl is in seconds. @cacheable/node-cache: "Fully Compatible with
#   node-cache", ttl "in seconds".
# Seen: set(k, v, '5') lives for 5 s in node-cache and for 5 ms in @cacheable/node-cache (the number 5 is 5 s in both). '1h'
#   is an hour in the latter; node-cache takes it without an error and keeps the entry for ever.
# Who meets it: a TTL from an environment variable is text. After the change of package the cache forgets everything at once,
#   after the change back it never does.
# Instead: Number(process.env.TTL), and a check that it is a number.
source "$(dirname "$0")/lib.bash"

node_packages node-cache@5.1.2 @cacheable/node-cache@3.0.1
node_run <<'NODE'
import assert from 'node:assert'
import { NodeCache as New } from '@cacheable/node-cache'
import Old from 'node-cache'

const life = (cache, ttl) => {
  cache.set('k', 'v', ttl)
  return cache.getTtl('k') - Date.now()
}
const near = (value, expected) => Math.abs(value - expected) < 200
const seen = [new Old({ stdTTL: 1 }), new New({ stdTTL: 1 })].map((cache) => [5, '5', '1h'].map((ttl) => life(cache, ttl)))
console.log("ms left for 5, '5', '1h': node-cache", seen[0], '| @cacheable/node-cache', seen[1])
assert.ok(near(seen[0][0], 5000) && near(seen[0][1], 5000) && Number.isNaN(seen[0][2]))
assert.ok(near(seen[1][0], 5000) && near(seen[1][1], 5) && near(seen[1][2], 3600000))
const old = new Old({ stdTTL: 1 })
old.set('k', 'v', '1h')
old.set('other', 'v')
await new Promise((done) => setTimeout(done, 1500))
console.log("1.5 s later, stdTTL 1: the entry of '1h' is", old.get('k'), '| one without a TTL', old.get('other'))
assert.equal(old.get('k'), 'v')
assert.equal(old.get('other'), undefined)
process.exit(0)
NODE
