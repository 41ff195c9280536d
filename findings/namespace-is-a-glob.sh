#!/usr/bin/env bash
# Four libraries over Redis clear a namespace by a pattern in which the namespace itself is a glob: other namespaces are
# deleted too. @keyv/redis 5.1.6 and bentocache 1.6.1 (npm), cachelib 0.17.0 and aiocache 0.12.3 (PyPI).
#
# Expected: clear() of a namespace deletes the keys of that namespace: @keyv/redis' README recommends one "to limit the
#   keys that are being cleared", cachelib's key_prefix is "a prefix that should be added to all keys".
# Seen: the namespace goes into SCAN MATCH or KEYS as it is. Clearing `user?` deletes the entries of `user1` as well;
#   clearing `a[1]` deletes those of `a1` and keeps its own.
# Who meets it: namespaces built of names from outside: tenants, file names, URLs with a question mark.
# Instead: namespaces of letters and digits alone.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages keyv@5.6.0 @keyv/redis@5.1.6 bentocache@1.6.1 ioredis@5.11.1
python_packages aiocache==0.12.3 cachelib==0.17.0 redis==6.4.0
node_run "$port" <<'NODE'
import assert from 'node:assert'
import Keyv from 'keyv'
import KeyvRedis from '@keyv/redis'
import { BentoCache, bentostore } from 'bentocache'
import { redisDriver } from 'bentocache/drivers/redis'

const port = Number(process.argv[2])
const keyv = (namespace) => {
  const store = new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${port}`), namespace })
  return { set: () => store.set('k', 1), get: () => store.get('k'), clear: () => store.clear() }
}
const bento = (namespace) => {
  const layer = redisDriver({ connection: { host: '127.0.0.1', port } })
  const store = new BentoCache({ default: 'redis', stores: { redis: bentostore().useL2Layer(layer) } }).namespace(namespace)
  return { set: () => store.set({ key: 'k', value: 1 }), get: () => store.get({ key: 'k' }), clear: () => store.clear() }
}
for (const [name, make] of [['@keyv/redis', keyv], ['bentocache', bento]]) {
  for (const [cleared, other, own] of [['user?', 'user1', undefined], ['a[1]', 'a1', 1]]) {
    const one = make(cleared), two = make(other)
    await one.set()
    await two.set()
    await one.clear()
    const seen = [await one.get(), await two.get()]
    console.log(`${name}: ${cleared} cleared; its own entry: ${seen[0]}, that of ${other}: ${seen[1]}`)
    assert.deepEqual(seen, [own, undefined])
  }
}
process.exit(0)
NODE
python_run "$port" <<'PYTHON'
import asyncio, sys
from aiocache import RedisCache
from cachelib import RedisCache as CachelibRedis

port = int(sys.argv[1])

async def aiocache_outcome(cleared, other):
    one, two = (RedisCache(endpoint="127.0.0.1", port=port, namespace=name) for name in (cleared, other))
    await one.set("k", 1)
    await two.set("k", 1)
    await one.clear(namespace=cleared)
    seen = await one.get("k"), await two.get("k")
    await one.close()
    await two.close()
    return seen

def cachelib_outcome(cleared, other):
    one, two = (CachelibRedis("127.0.0.1", port, key_prefix=name + ":") for name in (cleared, other))
    one.set("k", 1)
    two.set("k", 1)
    one.clear()
    return one.get("k"), two.get("k")

for cleared, other, kept in (("user?", "user1", False), ("a[1]", "a1", True)):
    for name, seen in (("aiocache", asyncio.run(aiocache_outcome(cleared, other))), ("cachelib", cachelib_outcome(cleared, other))):
        print(f"{name}: {cleared} cleared; its own entry: {seen[0]}, that of {other}: {seen[1]}")
        assert (seen[0] is not None, seen[1]) == (kept, None), seen
PYTHON
