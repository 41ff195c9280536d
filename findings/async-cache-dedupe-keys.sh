#!/usr/bin/env bash
# async-cache-dedupe 3.4.0 (npm): arguments that JSON writes alike get each other's result: 1 and "1", NaN and null, each Map.
#
# Expected: its README: the key of an argument is computed by safe-stable-stringify, which puts "1" in quotes and 1 not.
# Seen: text is taken for the key as it is, without quotes, so 1 and "1", null and "null", [1] and "[1]", {a: 1} and
#   '{"a":1}' are one key. By JSON's rules so are NaN and null, 10n and 10, {a: undefined} and {}, and all Maps, Sets and {}.
# Who meets it: ids that are numbers here and text there; functions whose filter is a Set: each filter gets the first one's
#   result.
# Instead: the option `serialize` of define(), which must make text of its own: (argument) => superjson.stringify(argument).
source "$(dirname "$0")/lib.bash"

node_packages async-cache-dedupe@3.4.0 superjson@2.2.7
node_run <<'NODE'
import assert from 'node:assert'
import { inspect } from 'node:util'
import { createCache } from 'async-cache-dedupe'
import superjson from 'superjson'

const cache = createCache({ ttl: 60, storage: { type: 'memory' } })
cache.define('plain', async (argument) => inspect(argument))
cache.define('careful', { serialize: (argument) => superjson.stringify(argument) }, async (argument) => inspect(argument))
const pairs = [
  [1, '1'], ['null', null], [[1], '[1]'], [{ a: 1 }, '{"a":1}'], [20n, 20],
  [new Set([1]), new Set([2])], [{ b: undefined }, new Map([[1, 2]])],
]
for (const [first, second] of pairs) {
  await cache.clear()
  const [one, other] = [await cache.plain(first), await cache.plain(second)]
  const careful = [await cache.careful(first), await cache.careful(second)]
  console.log(`plain(${inspect(first)}) = ${one}, plain(${inspect(second)}) = ${other}; with superjson: ${careful.join(', ')}`)
  assert.equal(other, one)
  assert.notEqual(inspect(second), one)
  assert.deepEqual(careful, [inspect(first), inspect(second)])
}
await cache.clear()
assert.deepEqual([await cache.plain(NaN), await cache.plain(null)], ['NaN', 'NaN'])
NODE
