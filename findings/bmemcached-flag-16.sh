#!/usr/bin/env bash
# python-binary-memcached 0.33.0 means bytes by flag 16, by which every other Python client means text.
#
# Expected: its other flags (1 pickle, 2 integer, 4 long, 8 zlib) are those of python-memcached, pylibmc and pymemcache,
#   so text and bytes that one wrote are expected to come back as text and bytes from the other.
# Seen: bmemcached marks bytes with 16 and text with 0; pymemcache, pylibmc and python-memcached mark text with 16 and
#   bytes with 0. So each reads the other's text as bytes, and the other's bytes as text, or raises UnicodeDecodeError.
# Who meets it: who changes the client (SASL needs bmemcached) while the entries stay, and whose code compares with a
#   str.
# Instead: change the keys' prefix together with the client.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages pymemcache==4.0.0 python-binary-memcached==0.33.0
python_run "$port" <<'PYTHON'
import sys
import bmemcached, pymemcache
from pymemcache.serde import pickle_serde

address = f"127.0.0.1:{sys.argv[1]}"
other = pymemcache.Client(address, serde=pickle_serde, default_noreply=False)
binary = bmemcached.Client([address])

def read(client, key):
    try:
        return client.get(key)
    except UnicodeDecodeError as error:
        return type(error)

for name, writer, reader in (("bmemcached", binary, other), ("pymemcache", other, binary)):
    for key, value in (("text", "abc"), ("bytes", b"abc"), ("no-text", b"\xff\x00")):
        writer.set(key, value)
        print(f"{name} wrote {value!r}: itself reads {read(writer, key)!r}, the other {read(reader, key)!r}")
        assert read(writer, key) == value
        assert read(reader, key) == {"abc": b"abc", b"abc": "abc", b"\xff\x00": UnicodeDecodeError}[value]
PYTHON
