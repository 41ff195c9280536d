#!/usr/bin/env bash
# memjs 1.3.2 (npm): increment and decrement beyond 2^32 answer a small, wrong number: 256 for 4294967296.
#
# Expected: memcached's counters have 64 bits; memjs' documentation: value is the new value of the key. Up to 2^53 a number of
#   JavaScript holds it.
# Seen: the server counts rightly, and what increment() gives is value mod 2^32 plus 256 times the upper half: 256 for
#   4294967296, 65537 for 1099511627777. Up to 4294967295 it is right. A get() of the same counter shows the true digits.
# Who meets it: bytes or milliseconds summed up in a counter, ids drawn from one that began with the date: the same small ids
#   over again.
# Instead: get() after increment() where only the size matters; ids from another client or below 2^32.
source "$(dirname "$0")/lib.bash"

start_memcached
node_packages memjs@1.3.2
node_run "$port" <<'NODE'
import assert from 'node:assert'
import memjs from 'memjs'

const client = memjs.Client.create(`127.0.0.1:${process.argv[2]}`)
const seen = {}
for (const start of ['4294967294', '4294967295', '4294967296', '1099511627776', '9007199254740990']) {
  await client.set('counter', start, {})
  const { value } = await client.increment('counter', 1, {})
  const stored = String((await client.get('counter')).value)
  const before = (await client.decrement('counter', 1, {})).value
  seen[start] = { incremented: value, stored, decremented: before }
  assert.equal(BigInt(stored), BigInt(start) + 1n)
}
console.log(seen)
assert.deepEqual(Object.values(seen).map(({ incremented }) => incremented), [4294967295, 256, 257, 65537, 4831837951])
client.close()
NODE
