#!/usr/bin/env bash
# ormsgpack 1.13.1 and u-msgpack-python 2.8.0 read the first value of a damaged entry and say nothing of what follows.
#
# Expected: unpackb() takes one value: msgpack 1.2.4 raises ExtraData ("unpack(b) received extra data."), msgspec 0.22.0
#   DecodeError ("trailing characters"). orjson, after which ormsgpack is made, refuses too.
# Seen: two values one after the other, as after an append() on memcached or of a torn write, are read as the first
#   value alone.
# Who meets it: who swaps msgpack for ormsgpack in a cache's serializer: damage that was an error becomes another value.
# Instead: compare lengths: ormsgpack.packb(value) as long as the entry, or msgspec.
source "$(dirname "$0")/lib.bash"

python_packages ormsgpack==1.13.1 u-msgpack-python==2.8.0 msgpack==1.2.4 msgspec==0.22.0
python_run <<'PYTHON'
import msgpack, msgspec, ormsgpack, umsgpack

entry = msgpack.packb({"a": 1}) + msgpack.packb({"b": 2})
readers = {"msgpack": msgpack.unpackb, "msgspec": msgspec.msgpack.decode, "ormsgpack": ormsgpack.unpackb, "u-msgpack-python": umsgpack.unpackb}
for name, reader in readers.items():
    try:
        seen = reader(entry)
    except Exception as error:
        seen = type(error)
    print(f"{name}: {seen!r}")
    assert seen == {"a": 1} if name in ("ormsgpack", "u-msgpack-python") else isinstance(seen, type), name
PYTHON
