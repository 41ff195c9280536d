#!/usr/bin/env bash
# mnemonist 0.40.8 (npm): looking for the key `constructor` in an LRUCache puts the cache out of order, though it isn't there.
#
# Expected: a key is a key: has('constructor') of an empty cache is false, get() of a key that is missing changes nothing.
# Seen: has() is true for `constructor`, `toString`, `valueOf` and `hasOwnProperty`. get() of one gives undefined and breaks the list of
#   what was used last: of three entries keys() tells two and an undefined; after the next set() it tells that one three times, though
#   peek() finds the others. With set() the value is kept beside the cache: it isn't counted, never evicted and there again after
#   clear(); LRUCacheWithDelete.delete() says true and doesn't delete it. LRUMap is right.
# Who meets it: caches by word, tag, column or user name: an index of JavaScript's own documentation, a user who calls himself so.
# Instead: LRUMap and LRUMapWithDelete, which are made of a Map; or a prefix for each key.
source "$(dirname "$0")/lib.bash"

node_packages mnemonist@0.40.8
node_run <<'NODE'
import assert from 'node:assert'
import mnemonist from './node_modules/mnemonist/index.js'

const { LRUCache, LRUCacheWithDelete, LRUMap } = mnemonist
const look = (Kind) => {
  const cache = new Kind(3)
  const has = ['constructor', 'toString', 'valueOf', 'hasOwnProperty'].map((key) => cache.has(key))
  for (const key of 'abc') cache.set(key, key)
  const got = cache.get('constructor')
  const order = [...cache.keys()]
  cache.set('d', 'd')
  const after = { keys: [...cache.keys()], found: [...'abcd'].filter((key) => cache.peek(key) === key) }
  const filled = new Kind(3)
  for (const key of ['constructor', 'a', 'b', 'c', 'd', 'e']) filled.set(key, key)
  const kept = filled.get('constructor')
  filled.clear()
  const cleared = filled.get('constructor')
  const seen = { has, got, order, after, kept, cleared }
  console.log(Kind.name, seen)
  return seen
}
assert.deepEqual(look(LRUCache), {
  has: [true, true, true, true], got: undefined, order: [undefined, 'c', 'b'],
  after: { keys: ['d', 'd', 'd'], found: ['b', 'c', 'd'] }, kept: 'constructor', cleared: 'constructor',
})
assert.deepEqual(look(LRUMap), {
  has: [false, false, false, false], got: undefined, order: ['c', 'b', 'a'],
  after: { keys: ['d', 'c', 'b'], found: ['b', 'c', 'd'] }, kept: undefined, cleared: undefined,
})
const cache = new LRUCacheWithDelete(3)
cache.set('constructor', 'value')
const deleted = [cache.delete('constructor'), cache.get('constructor')]
console.log('LRUCacheWithDelete, delete() and then get():', deleted)
assert.deepEqual(deleted, [true, 'value'])
NODE
