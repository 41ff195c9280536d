#!/usr/bin/env bash
# redis 6.3.1 (npm), clientSideCache: a GET sent after a SET of the same client gives the old value, and SELECT changes
# nothing.
#
# Expected: commands of one connection are answered in the order in which they are sent: without the cache Promise.all([set,
#   get]) gives the new value. Another database has other values.
# Seen: a cached GET is answered from memory before the SET ahead of it has reached the server. After select(1) a cached key
#   still has database 0's value, though it is missing there. After the awaited answer of a SET, and in multi(), all is right.
# Who meets it: code that relies on automatic pipelining and turns on clientSideCache; one connection for several databases.
# Instead: await each write before reads that depend on it; a client, and a cache, for each database.
source "$(dirname "$0")/lib.bash"

start_redis
node_packages redis@6.3.1
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { createClient } from 'redis'

const url = `redis://127.0.0.1:${process.argv[2]}`
const look = async (options) => {
  const client = await createClient({ url, RESP: 3, ...options }).connect()
  await client.flushAll()
  await client.set('key', 'old')
  await client.get('key')
  const [, together] = await Promise.all([client.set('key', 'new'), client.get('key')])
  const after = await client.get('key')
  const [, inMulti] = await client.multi().set('key', 'newer').get('key').exec()
  await client.set('other', 'of 0')
  await client.get('other')
  await client.select(1)
  const database1 = await client.get('other')
  client.destroy()
  return { together, after, inMulti, database1 }
}
const plain = await look({})
const cached = await look({ clientSideCache: { ttl: 0, maxEntries: 100 } })
console.log('without the cache', plain, '| with it', cached)
assert.deepEqual(plain, { together: 'new', after: 'new', inMulti: 'newer', database1: null })
assert.deepEqual(cached, { together: 'old', after: 'new', inMulti: 'newer', database1: 'of 0' })
NODE
