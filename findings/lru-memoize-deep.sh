#!/usr/bin/env bash
# lru-memoize 1.1.0 (npm): with deep comparison all dates are one argument, all Maps, all Sets, all regular expressions, all URLs.
#
# Expected: its README: deepObjects is "whether or not to perform a deep equals on Object values": two arguments are the same if what is in
#   them is. micro-memoize tells two dates and two Maps apart.
# Seen: objects are compared by their own enumerable properties, and these have none: the second date gets the result of the first, also
#   within an object or a list ({ from: date }). So do errors, Promises, and objects with private fields. NaN on the other hand is never
#   the same as itself. Typed arrays, Buffers, plain objects and lists are right.
# Who meets it: selectors and reports by period, filters by a Set of ids: the first result is given for each period.
# Instead: without deepObjects, by timestamps and sorted lists as arguments; micro-memoize with isKeyItemEqual: 'deep'.
source "$(dirname "$0")/lib.bash"

node_packages lru-memoize@1.1.0 micro-memoize@5.2.0
node_run <<'NODE'
import assert from 'node:assert'
import { createRequire } from 'node:module'
import { memoize } from 'micro-memoize'

const lruMemoize = createRequire(import.meta.url)('lru-memoize').default
class Secret {
  #value
  constructor(value) { this.#value = value }
}
const pairs = {
  dates: [new Date(1), new Date(2)],
  'dates in an object': [{ from: new Date(1) }, { from: new Date(2) }],
  Maps: [new Map([['a', 1]]), new Map([['b', 2]])],
  Sets: [new Set([1]), new Set([2])],
  'regular expressions': [/a/, /b/],
  URLs: [new URL('http://localhost/a'), new URL('http://localhost/b')],
  errors: [new Error('a'), new Error('b')],
  Promises: [Promise.resolve(1), Promise.resolve(2)],
  'private fields': [new Secret(1), new Secret(2)],
  objects: [{ a: 1 }, { a: 2 }],
  lists: [[1, 2], [1, 3]],
  Buffers: [Buffer.from('a'), Buffer.from('b')],
}
const mixed = (decorate) => Object.keys(pairs).filter((name) => {
  const [one, other] = pairs[name]
  const which = decorate((argument) => (argument === one ? 'one' : 'other'))
  return which(one) === which(other)
})
const deep = mixed(lruMemoize(5, true))
const micro = mixed((run) => memoize(run, { isKeyItemEqual: 'deep', maxSize: 5 }))
console.log('lru-memoize gives the other the result of the one for', deep, '| micro-memoize:', micro)
assert.deepEqual(deep, Object.keys(pairs).slice(0, 9))
let runs = 0
const counted = lruMemoize(5, true)(() => ++runs)
counted(NaN)
counted(NaN)
console.log('runs for NaN twice:', runs)
assert.equal(runs, 2)
assert.ok(!micro.includes('dates') && !micro.includes('Maps') && !micro.includes('Sets'))
NODE
