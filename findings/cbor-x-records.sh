#!/usr/bin/env bash
# cbor-x 1.6.9 (npm): the option by which its README makes an Encoder's objects readable for others, `objectsAsMaps`, does
# nothing.
#
# Expected: its README: an Encoder writes objects as records, an extension, and with objectsAsMaps: true as maps, like
#   encode(), and reads maps as objects.
# Seen: with that option as without it an object is tag 57343, and tag 57344 for the next one with the same keys, from which
#   the keys are missing: Python's cbor2 gives a CBORTag for each, without an error. A map that cbor2 wrote is a Map, whose
#   properties are undefined. useRecords: false has the effect. Integers beyond 2^32 are floats to others whatever is set.
# Who meets it: a cache in Redis that Node and Python share. `"error" in value` is no there, `value.error` undefined here.
# Instead: new Encoder({ useRecords: false }), or encode() and decode().
source "$(dirname "$0")/lib.bash"

node_packages cbor-x@1.6.9
python_packages cbor2==6.3.0
node_run > "$tmp/seen.json" <<'NODE'
import { decode, encode, Encoder } from 'cbor-x'

const values = { object: { a: 1 }, list: [{ a: 1 }, { a: 3 }], integer: 2 ** 33 }
const codecs = {
  'encode() and decode()': { encode, decode },
  'new Encoder()': new Encoder(),
  'objectsAsMaps: true': new Encoder({ objectsAsMaps: true }),
  'useRecords: false': new Encoder({ useRecords: false }),
}
const seen = {}
for (const [name, codec] of Object.entries(codecs)) {
  const read = codec.decode(Buffer.from('a1616101', 'hex')) // {"a": 1} by cbor2
  seen[name] = { read: `${read.constructor.name}, .a is ${read.a}`, written: {} }
  for (const [kind, value] of Object.entries(values)) seen[name].written[kind] = Buffer.from(codec.encode(value)).toString('hex')
}
console.log(JSON.stringify(seen))
NODE
python_run <<'PYTHON'
import json

import cbor2

with open("seen.json") as file:
    seen = json.load(file)
assert cbor2.dumps({"a": 1}).hex() == "a1616101"
for name, codec in seen.items():
    written = {kind: cbor2.loads(bytes.fromhex(text)) for kind, text in codec["written"].items()}
    print(f"{name}: cbor2 reads {written} | reads cbor2's as {codec['read']}")
    assert isinstance(written["integer"], float)
    if name in ("new Encoder()", "objectsAsMaps: true"):
        assert written["object"].tag == 57343 and [item.tag for item in written["list"]] == [57343, 57344]
        assert tuple(written["list"][1].value) == (3,) and codec["read"] == "Map, .a is undefined"
    else:
        assert written["object"] == {"a": 1} and written["list"] == [{"a": 1}, {"a": 3}] and codec["read"] == "Object, .a is 1"
PYTHON
