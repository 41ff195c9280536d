#!/usr/bin/env bash
# valkey-glide 2.6.0 (Python), ClientSideCache: a client doesn't see its own writes, nor that it has selected another
# database.
#
# Expected: the class's documentation: changes on the server aren't propagated, so values may be stale before their TTL. One
#   takes this for changes by others. Clients of different databases can't share a cache.
# Seen: after its own SET, DELETE, INCR, HSET, FLUSHALL or batch, the same client goes on reading what it read before, until
#   `entry_ttl_ms` is over. What the server has let expire is still read too. After select(3) the values of database 0 are
#   read as those of database 3. A missing key isn't kept. With `server_assisted=True` all of these are right but the
#   last one: after select(3) the values of database 0 are read.
# Who meets it: read-change-write, a session that is deleted at log-out, one client for several databases.
# Instead: `server_assisted=True`, which needs RESP3, and a client for each database; or a client without a cache for keys
#   that this process writes.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages valkey-glide==2.6.0
python_run "$port" <<'PYTHON'
import asyncio, sys
from glide import Batch, ClientSideCache, ExpirySet, ExpiryType, GlideClient, GlideClientConfiguration, NodeAddress

async def look(assisted):
    def configuration(**cache):
        return GlideClientConfiguration([NodeAddress("127.0.0.1", int(sys.argv[1]))], **cache)

    cache = ClientSideCache.create(max_cache_kb=1000, entry_ttl_ms=600000, server_assisted=assisted)
    client, other = await GlideClient.create(configuration(client_side_cache=cache)), await GlideClient.create(configuration())
    await other.custom_command(["FLUSHALL"])
    seen = {}

    async def after(name, change, reads=client.get):
        if not await other.exists([name]):
            await other.set(name, "1")
        await reads(name)
        await change
        await asyncio.sleep(0.2)
        seen[name] = await reads(name)

    batch = Batch(is_atomic=True)
    batch.set("batch", "2")
    await after("set", client.set("set", "2"))
    await after("delete", client.delete(["delete"]))
    await after("incr", client.incr("incr"))
    await after("batch", client.exec(batch, raise_on_error=True))
    await client.hset("hset", {"field": "1"})
    await after("hset", client.hset("hset", {"field": "2"}), client.hgetall)
    await client.get("missing")
    await other.set("missing", "2")
    await asyncio.sleep(0.2)
    seen["missing"] = await client.get("missing")
    await other.set("expiring", "1", expiry=ExpirySet(ExpiryType.MILLSEC, 300))
    await client.get("expiring")
    while await other.exists(["expiring"]):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    seen["expired"] = await client.get("expiring")
    await after("select", client.select(3))
    await client.select(0)
    await after("flushall", client.custom_command(["FLUSHALL"]))
    await client.close()
    await other.close()
    return seen

async def main():
    alone, assisted = await look(False), await look(True)
    print("read by the same client after the change:", alone)
    print("the same with server_assisted=True:      ", assisted)
    old = b"1"
    new = b"2"
    same = {"missing": new, "select": old}
    assert alone == same | dict(set=old, delete=old, incr=old, batch=old, hset={b"field": old}, expired=old, flushall=old)
    assert assisted == same | dict(set=new, delete=None, incr=new, batch=new, hset={b"field": new}, expired=None, flushall=None)

asyncio.run(main())
PYTHON
