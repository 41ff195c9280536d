#!/usr/bin/env bash
# Redis 8.2.3 and Valkey 9.1.2: CLIENT TRACKING knows no databases: a write in another one ends the tracking, SWAPDB is
# never told.
#
# Expected: databases of SELECT are separate key spaces, so a write to k in database 5 has nothing to do with k in
#   database 0, and a change of k by SWAPDB is pushed, as that by FLUSHDB is. (The documentation of client-side caching
#   doesn't mention databases.)
# Seen: SET k in database 5 pushes k to who tracks k of database 0, and takes it off the table: the later SET in
#   database 0 pushes nothing. FLUSHDB of database 7 pushes "everything" to everybody. SWAPDB 0 5 pushes nothing at all.
# Who meets it: client-side caching on a server with several databases: if a client sees a push as not its own and
#   re-reads nothing, it is never told again; after SWAPDB (blue-green fills) the old values stay.
# Instead: one database a server with tracking; take each push as meant for you; FLUSHALL or a restart of the clients
#   after SWAPDB.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    a, b, c = Wire(port), Wire(port), Wire(port)
    c.call("SELECT", 5)
    b.call("SET", "k", "1")
    a.call("CLIENT", "TRACKING", "ON")
    a.call("GET", "k")
    c.call("SET", "k", "in 5")
    in_5 = a.told()
    b.call("SET", "k", "2")
    in_0 = a.told()
    a.call("GET", "k")
    b.call("SWAPDB", 0, 5)
    swapped, now = a.told(), a.call("GET", "k")
    c.call("SELECT", 7)
    c.call("FLUSHDB")
    flushed = a.told()
    print(f"{name}: SET in 5 pushes {in_5}, SET in 0 after it {in_0}; SWAPDB {swapped}, the value is then {now!r}; FLUSHDB in 7 {flushed}")
    assert (in_5, in_0, swapped, now, flushed) == ([["k"]], [], [], "in 5", [None])
PYTHON
