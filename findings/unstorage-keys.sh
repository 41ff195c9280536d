#!/usr/bin/env bash
# unstorage 1.17.6 (npm): a key ends at its question mark: `/search?q=a` and `/search?q=b` get each other's value.
#
# Expected: two texts that differ in more than their separators are two keys.
# Seen: what follows `?` is dropped, with every driver: the second setItem replaces the first one's value, removeItem of one
#   removes both. `:a`, `a:` and `a` are one key, too.
# Who meets it: answers cached by request.url; Nitro, Nuxt and others have it as their cache and storage.
# Instead: a hash of the URL as the key, or encodeURIComponent(url).
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages unstorage@1.17.6 ioredis@5.11.1
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { createStorage } from 'unstorage'
import redis from 'unstorage/drivers/redis'

const drivers = { memory: undefined, redis: redis({ host: '127.0.0.1', port: Number(process.argv[2]) }) }
for (const [name, driver] of Object.entries(drivers)) {
  const storage = createStorage({ driver })
  await storage.setItem('/search?q=a', { for: 'a' })
  await storage.setItem('/search?q=b', { for: 'b' })
  const read = await storage.getItem('/search?q=a')
  await storage.setItem('a:', { for: 'a:' })
  const colon = await storage.getItem(':a')
  const keys = (await storage.getKeys()).sort()
  await storage.removeItem('/search?page=2')
  console.log(name, '| /search?q=a:', read, '| :a', colon, '| keys', keys, '| after removing /search?page=2:', await storage.getKeys())
  assert.deepEqual(read, { for: 'b' })
  assert.deepEqual(colon, { for: 'a:' })
  assert.deepEqual(keys, ['a', 'search'])
  assert.equal(await storage.hasItem('/search?q=b'), false)
  const encoded = ['/search?q=a', '/search?q=b'].map(encodeURIComponent)
  for (const key of encoded) await storage.setItem(key, key)
  assert.deepEqual(await Promise.all(encoded.map((key) => storage.getItem(key))), encoded)
}
process.exit(0)
NODE
