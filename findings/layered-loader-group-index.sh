#!/usr/bin/env bash
# layered-loader 14.2.2 (npm): on Redis deleteGroup() can bring older values back.
#
# Expected: deleteGroup(group) of RedisGroupCache deletes what is in the group, so that each get is a miss, whenever it is called.
# Seen: a group is a number in the keys of its entries, and deleting adds one. The number has a time to live of its own, that of an entry
#   counted from the last deleteGroup(), and starts at 0 again once that is over: the next deleteGroup() gives entries of the first time
#   the number 1 again, and those that were stored late are still there. A value that had been replaced since comes back by the deletion.
# Who meets it: two deletions of a group a little more than a TTL apart (ten minutes by default), with writes between them: now and then,
#   and what is served then is what the deletion was to take away.
# Instead: delete single entries by deleteFromGroup(); or, with ttlInMsecs: undefined, no TTL on the number (and none on the entries).
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages layered-loader@14.2.2 ioredis@5.11.1
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import Redis from 'ioredis'
import { RedisGroupCache } from 'layered-loader'

const redis = new Redis(Number(process.argv[2]))
const look = async (prefix, ttlInMsecs) => {
  const cache = new RedisGroupCache(redis, { prefix, ttlInMsecs })
  const seen = {}
  await cache.setForGroup('price', 'first', 'shop')
  await cache.deleteGroup('shop')
  await sleep(700)
  await cache.setForGroup('price', 'old', 'shop')
  seen.late = await cache.getFromGroup('price', 'shop')
  await sleep(500)
  seen.over = await cache.getFromGroup('price', 'shop')
  await cache.setForGroup('price', 'new', 'shop')
  seen.replaced = await cache.getFromGroup('price', 'shop')
  await cache.deleteGroup('shop')
  seen.deleted = await cache.getFromGroup('price', 'shop')
  console.log('TTL in ms:', ttlInMsecs, seen)
  return Object.values(seen)
}
// The entry `old` has half a second left when the group's number is gone; nobody deleted it.
assert.deepEqual(await look('with', 1000), ['old', undefined, 'new', 'old'])
assert.deepEqual(await look('without', undefined), ['old', 'old', 'new', undefined])
process.exit(0)
NODE
