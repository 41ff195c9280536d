#!/usr/bin/env bash
# memcached 1.6.18: what `mg key N30` makes on a miss is an item like others: `get` hits it, `add` refuses, `append` adds to it.
#
# Expected: protocol.txt: with N a miss makes a stub, and the client that is given W is to fill it. One expects the stub to be
#   seen by those who ask with meta commands, and a miss, that can be filled by add, by those who don't.
# Seen: for 30 s each classic get is a hit with an empty value. `add` is NOT_STORED. `append` puts its data into the stub and
#   keeps its 30 s, so a list that is begun by append-or-add is gone after them. incr: the value isn't numeric.
# Who meets it: two programs on one server, one with meta commands and leases, the other with get, add and append; a client
#   that is moved over bit by bit: to the old half a lease is an empty page, or an error of its decoder.
# Instead: leases on keys of their own (key:lock), or an empty value is a miss for all.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import socket, sys
from pymemcache import Client, MemcacheClientError

port = int(sys.argv[1])
wire = socket.create_connection(("127.0.0.1", port))

def call(line):
    wire.sendall(line + b"\r\n")
    return wire.recv(4096).decode().strip()

classic = Client(("127.0.0.1", port), default_noreply=False)
print("mg k N30 v:", lease := call(b"mg k N30 v"))
assert lease == "VA 0 W", lease
seen = classic.get("k", default="a miss"), classic.add("k", "value"), classic.get_many(["k", "other"])
print(f"pymemcache: get {seen[0]!r}, add {seen[1]}, get_many {seen[2]}")
assert seen == (b"", False, {"k": b""})
try:
    classic.incr("k", 1)
    raise AssertionError("incr works")
except MemcacheClientError as error:
    print("incr:", error)
assert classic.append("k", "item")
print("after append: get", classic.get("k"), "| mg k v t:", left := call(b"mg k v t"))
assert classic.get("k") == b"item" and 0 < int(left.split("\r\n")[0].split("t")[1].split()[0]) <= 30
PYTHON
