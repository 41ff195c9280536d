#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3 (npm) and notepack.io 3.0.1: an invalid Date is stored as 1970, a Map or Set as an empty
# object, without an error.
#
# Expected: both refuse what they can't write: BigInt, functions and symbols raise an error. The README of
#   @msgpack/msgpack shows an extension for Map and Set; without one, an error is expected too.
# Seen: new Date(NaN) is read back as 1970-01-01T00:00:00Z; new Map([["a", 1]]), new Set([1]), an Error and a RegExp as
#   {}.
# Who meets it: a result with a Map in it: the first call has the data, every hit has an empty object. A date that
#   failed to parse becomes one that looks real.
# Instead: msgpackr with moreTypes: true, or plain objects and arrays, and a check of dates before the write.
source "$(dirname "$0")/lib.bash"

node_packages @msgpack/msgpack@3.1.3 notepack.io@3.0.1
node_run <<'NODE'
import assert from 'node:assert'
import { encode, decode } from '@msgpack/msgpack'
import notepack from 'notepack.io'

for (const [name, write, read] of [['@msgpack/msgpack', encode, decode], ['notepack.io', notepack.encode, notepack.decode]]) {
  const back = (value) => read(write(value))
  const seen = [new Date(NaN), new Map([['a', 1]]), new Set([1]), new Error('x'), /x/].map(back)
  console.log(name, seen)
  assert.equal(seen[0].getTime(), 0)
  for (const empty of seen.slice(1)) assert.deepEqual(empty, {})
  assert.throws(() => write(() => 1))
  assert.throws(() => write(5n))
}
NODE
