#!/usr/bin/env bash
# msgpackr 2.1.4 (npm): an undefined property, or a function, is an extension type 0 on the wire, which other readers
# don't know.
#
# Expected: in JSON such properties are left out, in @msgpack/msgpack and notepack.io undefined is nil or left out.
# Seen: msgpackr writes d4 00 00 (its README: "to match other JS implementations"). @msgpack/msgpack reads an ExtData
#   object, Python's msgpack ExtType(code=0, data=b'\x00'), both truthy; ormsgpack raises. The methods of an object are
#   written as such properties too.
# Who meets it: { user: maybeUndefined } in an entry that something other than msgpackr reads: `if user:` is true.
# Instead: new Packr({ encodeUndefinedAsNil: true }), and plain objects without methods.
source "$(dirname "$0")/lib.bash"

node_packages msgpackr@2.1.4 @msgpack/msgpack@3.1.3
python_packages msgpack==1.2.4 ormsgpack==1.13.1
node_run <<'NODE'
import assert from 'node:assert'
import { pack, Packr } from 'msgpackr'
import { decode } from '@msgpack/msgpack'

const bytes = pack({ user: undefined })
const seen = decode(bytes)
console.log('bytes', bytes.toString('hex'), '| @msgpack/msgpack reads', seen)
assert.equal(bytes.toString('hex'), 'de0001a475736572d40000')
assert.ok(seen.user)
assert.deepEqual(Object.keys(decode(pack({ name: 'x', greet() {} }))), ['name', 'greet'])
assert.deepEqual(decode(new Packr({ encodeUndefinedAsNil: true, useRecords: false }).pack({ user: undefined })), { user: null })
NODE
python_run <<'PYTHON'
import msgpack, ormsgpack

entry = bytes.fromhex("de0001a475736572d40000")
seen = msgpack.unpackb(entry)
print("Python's msgpack reads", seen)
assert seen == {"user": msgpack.ExtType(0, b"\x00")} and seen["user"]
try:
    ormsgpack.unpackb(entry)
except ValueError as error:
    print("ormsgpack:", error)
else:
    raise SystemExit("ormsgpack read it")
PYTHON
