#!/usr/bin/env bash
# coredis 6.9.0: its client-side cache knows no FLUSHALL: what it holds stays, and later writes of those keys aren't seen
# either.
#
# Expected: the documentation of CLIENT TRACKING: when all keys are flushed the server sends an invalidation with null, and
#   the client empties its cache. coredis' documentation: the cache is kept in step by the server's invalidations.
# Seen: after FLUSHALL or FLUSHDB a GET gives the old value for good, also where the same client sent the command. The server
#   has forgotten which keys were read, so it pushes nothing when one is SET again, and that isn't seen: only a write by this
#   client, eviction from the cache or a lost connection ends it.
# Who meets it: "empty the cache and all is well" by an operator, tests that flush between two cases, a FLUSHDB of another
#   database.
# Instead: delete keys by their names, or restart what uses the cache after a flush.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_packages coredis==6.9.0
python_run "$valkey_port" "$port" <<'PYTHON'
import asyncio, sys

import coredis
from coredis.patterns.cache import LRUCache
from resp import Wire

async def soon(client, key, expected):
    """What the client reads: the expected value, if it comes within two seconds."""
    for _ in range(40):
        value = await client.get(key)
        if value == expected:
            break
        await asyncio.sleep(0.05)
    return value

async def look(port):
    other = Wire(port)
    seen = {}
    async with coredis.Redis(port=int(port), decode_responses=True, cache=LRUCache(max_keys=100)) as client:
        for name in ("nothing", "FLUSHALL", "FLUSHDB", "FLUSHDB of another database", "own FLUSHALL"):
            other.call("SET", name, "old")
            reads = [await soon(client, name, "old")]
            if name == "own FLUSHALL":
                await client.flushall()
            elif name == "FLUSHDB of another database":
                other.call("SELECT", 1)
                other.call("FLUSHDB")
                other.call("SELECT", 0)
            elif name != "nothing":
                other.call(name)
                reads.append(await soon(client, name, None))
            other.call("SET", name, "new")
            reads.append(await soon(client, name, "new"))
            other.call("SET", name, "newer")
            reads.append(await soon(client, name, "newer"))
            seen[name] = reads
    return seen

for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    seen = asyncio.run(look(port))
    print(name, "| reads before, after it, after SET new, after SET newer:", seen)
    assert seen["nothing"] == ["old", "new", "newer"]
    assert seen["FLUSHALL"] == seen["FLUSHDB"] == ["old"] * 4
    assert seen["own FLUSHALL"] == seen["FLUSHDB of another database"] == ["old"] * 3
PYTHON
