#!/usr/bin/env bash
# memcached 2.2.2 (npm) and Python's clients use the same flags for other things: a JSON object is an integer, a number
# is zlib.
#
# Expected: flags of memcached are "opaque" (memcached's protocol.txt), yet the well-known clients are taken to agree on
#   the few low bits, as pymemcache, pylibmc and python-memcached do (1 pickle, 2 integer, 8 zlib, 16 text).
# Seen: the npm client writes objects, booleans and null as JSON with flag 2, Buffers with flag 4, numbers with flag 8.
#   pymemcache, pylibmc and python-bmemcached raise on each: `invalid literal for int()` for the object, a zlib error
#   for the number. libmc, to which 8 means bool, reads the number 42 as True, without an error.
# Who meets it: a Node service and a Python service that share entries as JSON through one memcached.
# Instead: write JSON text yourself, as a string (flag 0), and parse it yourself on both sides.
source "$(dirname "$0")/lib.bash"

start_memcached
node_packages memcached@2.2.2
python_packages libmc==1.4.17 pymemcache==4.0.0 pylibmc==1.6.3 python-binary-memcached==0.33.0
node_run "$port" <<'NODE'
import Memcached from 'memcached'

const client = new Memcached(`127.0.0.1:${process.argv[2]}`)
const set = (key, value) => new Promise((done, failed) => client.set(key, value, 0, (error) => (error ? failed(error) : done())))
await set('object', { a: 1 })
await set('number', 42)
await set('string', '{"a":1}')
client.end()
NODE
python_run "$port" <<'PYTHON'
import socket, sys
import bmemcached, libmc, pylibmc, pymemcache
from pymemcache.serde import compressed_serde

address = f"127.0.0.1:{sys.argv[1]}"
wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
wire.sendall(b"get object number string\r\n")
print(wire.recv(4096).decode())

def read(client, key):
    try:
        return client.get(key)
    except Exception as error:
        return type(error)

readers = {
    "pymemcache": pymemcache.Client(address, serde=compressed_serde),
    "pylibmc": pylibmc.Client([address]),
    "bmemcached": bmemcached.Client([address]),
    "libmc": libmc.Client([address]),
}
for name, reader in readers.items():
    seen = [read(reader, key) for key in ("object", "number", "string")]
    print(f"{name}: object {seen[0]!r}, number {seen[1]!r}, string {seen[2]!r}")
    assert seen[0] is ValueError, seen
    assert seen[1] is True if name == "libmc" else isinstance(seen[1], type), seen
    assert seen[2] in (b'{"a":1}', '{"a":1}'), seen
PYTHON
