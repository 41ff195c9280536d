#!/usr/bin/env bash
# bson 7.3.4 (npm): 2^64 + 5 is stored as 5, 2^63 as its negative, an invalid Date as 1970.
#
# Expected: an integer of BSON has 64 bits; one that doesn't fit is an error, as in Python's bson ("MongoDB can only handle up to 8-byte
#   ints"). A Date that is none is an error, as toISOString() says, or null, as in JSON.
# Seen: serialize() takes any BigInt and keeps its lower 64 bits with a sign: 2n ** 64n + 5n is read as 5n, 2n ** 63n as -(2n ** 63n),
#   -(2n ** 63n) - 1n as 2n ** 63n - 1n. EJSON.stringify() alike. new Date(NaN) is read as 1970-01-01.
# Who meets it: BigInts that are unsigned: hashes, identifiers and counters of 64 bits from databases and other languages. Above 2^63 each is
#   another number for whoever reads it, and two may be one.
# Instead: BigInt.asIntN(64, value) === value before it is stored; Decimal128 or text for what is wider.
source "$(dirname "$0")/lib.bash"

node_packages bson@7.3.4
python_packages pymongo==4.20.1
cat > "$tmp/node/write.mjs" <<'NODE'
import assert from 'node:assert'
import { BSON, EJSON } from 'bson'

const values = [2n ** 63n - 1n, 2n ** 63n, 2n ** 64n + 5n, -(2n ** 63n) - 1n]
const read = values.map((value) => BSON.deserialize(BSON.serialize({ value }), { useBigInt64: true }).value)
values.forEach((value, i) => console.error(value, 'is read as', read[i]))
assert.deepEqual(read, [2n ** 63n - 1n, -(2n ** 63n), 5n, 2n ** 63n - 1n])
assert.equal(EJSON.stringify({ value: 2n ** 64n + 5n }), '{"value":5}')
const date = BSON.deserialize(BSON.serialize({ date: new Date(NaN) })).date
console.error('an invalid Date is read as', date)
assert.equal(date.getTime(), 0)
process.stdout.write(Buffer.from(BSON.serialize({ hash: 0xfedcba9876543210n, count: 2n ** 64n + 5n })).toString('hex'))
NODE
written=$(cd "$tmp/node" && node write.mjs)
python_run "$written" <<'PYTHON'
import sys

import bson

read = bson.decode(bytes.fromhex(sys.argv[1]))
print("0xfedcba9876543210 and 2^64 + 5 from JavaScript in Python:", read)
assert read == {"hash": 0xFEDCBA9876543210 - 2**64, "count": 5}
try:
    bson.encode({"value": 2**63})
except OverflowError as error:
    print("Python's own:", error)
else:
    raise SystemExit("Python takes 2^63 as well")
PYTHON
