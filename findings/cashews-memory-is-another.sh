#!/usr/bin/env bash
# cashews 7.6.0: `mem://` differs from `redis://` in TTLs, locks and patterns.
#
# Expected: its README: one interface over several backends; `set(key, value, expire=None)`, `unlock(key, value)` and
#   `delete_match("pattern:*")` are told without a difference between them.
# Seen, in memory / on Redis:
#   set without `expire` over an entry with a TTL: keeps the old TTL / no TTL
#   unlock with a value that isn't the holder's: frees the lock / doesn't
#   set(exist=False) on an entry that has expired: refused until a sweep comes by (each second, if not set
#     otherwise) / stores
#   delete_match("a.b:*"): deletes aXb:1 too, for the pattern is a regular expression / doesn't
#   delete_match("q(1):*"): deletes nothing / deletes q(1):1
# Who meets it: tests and small installations in memory, production on Redis.
# Instead: give `expire` with every set; letters, digits and colons in keys that patterns shall find; test on the backend
#   that is used.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages cashews==7.6.0 redis==8.1.0
python_run "$port" <<'PYTHON'
import asyncio, sys
from cashews import Cache

async def look(url):
    cache = Cache()
    cache.setup(url)
    seen = {}
    await cache.set("k", 1, expire=100)
    await cache.set("k", 2)
    seen["seconds left after a set without a TTL"] = await cache.get_expire("k")
    await cache.set_lock("lock", "me", expire=100)
    await cache.unlock("lock", "somebody else")
    seen["locked after another's unlock"] = await cache.is_locked("lock")
    await cache.set("short", 1, expire=0.1)
    await asyncio.sleep(0.2)
    seen["set(exist=False) after the TTL"] = await cache.set("short", 2, exist=False)
    for key in ("a.b:1", "aXb:1", "q(1):1"):
        await cache.set(key, "x", expire=100)
    await cache.delete_match("a.b:*")
    await cache.delete_match("q(1):*")
    seen["left"] = [key for key in ("a.b:1", "aXb:1", "q(1):1") if await cache.exists(key)]
    await cache.close()
    return list(seen.values())

async def main():
    memory, redis = await look("mem://?check_interval=30"), await look(f"redis://127.0.0.1:{sys.argv[1]}")
    print("memory:", memory)
    print("Redis: ", redis)
    assert memory[0] in (99, 100) and memory[1:] == [False, False, ["q(1):1"]], memory
    assert redis == [-1, True, True, ["aXb:1"]], redis

asyncio.run(main())
PYTHON
