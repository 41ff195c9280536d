#!/usr/bin/env bash
# msgpackr 2.1.4 (npm): an integer above 2^32 is a float for everybody else, and everybody else's is a BigInt for it.
#
# Expected: MessagePack has integers up to 64 bits; @msgpack/msgpack writes Date.now() as uint64, and so does Python.
# Seen: msgpackr writes every integer outside of 32 bits as float 64: Python reads 1700000000000.0. It reads a uint64 as
#   a BigInt, however small: `at + 1` is a TypeError, `at === 1700000000000` is false, JSON.stringify throws. Round
#   trips within msgpackr show nothing of it.
# Who meets it: times in milliseconds and large ids in entries that Node shares with another language, or with another
#   library.
# Instead: new Packr({ int64AsType: 'number' }) for reading; for others to read, write such numbers as BigInt (int64 on
#   the wire).
source "$(dirname "$0")/lib.bash"

node_packages msgpackr@2.1.4 @msgpack/msgpack@3.1.3
python_packages msgpack==1.2.4
node_run <<'NODE' | tee "$tmp/hex"
import assert from 'node:assert'
import { pack, unpack, Unpackr } from 'msgpackr'
import { encode, decode } from '@msgpack/msgpack'

const at = 1700000000000
const hex = (bytes) => Buffer.from(bytes).toString('hex')
console.log('msgpackr writes', hex(pack(at)), '| @msgpack/msgpack writes', hex(encode(at)))
const seen = unpack(encode(at))
console.log('msgpackr reads the latter as', seen, typeof seen, '| with int64AsType number:', new Unpackr({ int64AsType: 'number' }).unpack(encode(at)))
assert.equal(hex(pack(at)), 'cb4278bcfe56800000')
assert.equal(hex(encode(at)), 'cf0000018bcfe56800')
assert.equal(seen, 1700000000000n)
assert.throws(() => seen + 1, TypeError)
assert.equal(hex(pack(BigInt(at))), 'd30000018bcfe56800')
NODE
python_run <<'PYTHON'
import msgpack

seen = msgpack.unpackb(bytes.fromhex("cb4278bcfe56800000"))
print("Python reads msgpackr's bytes as", repr(seen))
assert repr(seen) == "1700000000000.0"
PYTHON
