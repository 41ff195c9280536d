#!/usr/bin/env bash
# keyv-file 5.3.5 (npm): two namespaces on one file lose each other's entries, and clear() of one empties all.
#
# Expected: Keyv's documentation: "You can namespace your Keyv instance to avoid key collisions and allow you to clear only a certain
#   namespace while using the same database." The file has the namespaces in its keys.
# Seen: each KeyvFile reads the file once, when it is made, and writes all that it knows: the other's entries that came since are gone
#   from the file, though the other still finds them until it ends; which of the two remain depends on who wrote last. clear() of one
#   namespace writes an empty file.
# Who meets it: two caches of one program with the same `filename`; two processes, such as the workers of a cluster.
# Instead: a file for each namespace and process.
source "$(dirname "$0")/lib.bash"

node_packages keyv-file@5.3.5 keyv@5.6.0
node_run "$tmp/store.json" <<'NODE'
import assert from 'node:assert'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Keyv } from 'keyv'
import { KeyvFile } from 'keyv-file'

const filename = process.argv[2]
const open = (namespace) => new Keyv({ store: new KeyvFile({ filename, writeDelay: 10 }), namespace })
const written = async () => JSON.parse(await readFile(filename, 'utf8')).cache.map(([key]) => key)

const users = open('users')
const pages = open('pages')
await users.set('a', 1)
await sleep(200)
const alone = await written()
await pages.set('b', 2)
await sleep(200)
const both = await written()
console.log('in the file after the first:', alone, '| after the second:', both, '| the first still finds', await users.get('a'))
console.log('opened again:', await open('users').get('a'), await open('pages').get('b'))
assert.deepEqual([alone, both], [['users:a'], ['pages:b']])
assert.equal(await open('users').get('a'), undefined)

const again = open('users')
await again.set('a', 1)
await sleep(200)
const before = await written()
await again.clear()
await sleep(200)
console.log('with both in the file:', before, '| after clear() of users:', await written())
assert.deepEqual(before, ['pages:b', 'users:a'])
assert.deepEqual(await written(), [])
process.exit(0)
NODE
