#!/usr/bin/env bash
# flat-cache 6.1.23 (npm, under ESLint and others): one BigInt in the cache, and nothing of it is saved any more, without an error.
#
# Expected: save() writes the cache, or throws: JSON.stringify() throws a TypeError for a BigInt. At worst that entry is missing.
# Seen: save() throws nothing. If there was no file, there is none; if there was one, it stays as it was: what was set, changed or
#   removed since isn't in it, and the next process reads the old values. The TypeError goes to the event "error", which nobody has to
#   listen to. Dates are text after a reload, Maps and regular expressions empty objects, NaN null.
# Who meets it: a file's size or time as a BigInt (fs.stat with bigint: true, process.hrtime.bigint()) in one entry of thousands: from
#   then on each run begins with the state of that day.
# Instead: cache.on('error', ...) before save(); a serialize and deserialize of one's own.
source "$(dirname "$0")/lib.bash"

node_packages flat-cache@6.1.23
node_run "$tmp/cache" <<'NODE'
import assert from 'node:assert'
import { create, FlatCache } from 'flat-cache'

const cacheDir = process.argv[2]
const reload = (cacheId) => create({ cacheId, cacheDir }).all()

const first = new FlatCache({ cacheId: 'first', cacheDir })
first.set('page', 1)
first.set('size', 10n)
first.save()
console.log('a new cache with a BigInt, after save() and reload:', reload('first'))
assert.deepEqual(reload('first'), {})

const second = new FlatCache({ cacheId: 'second', cacheDir })
second.set('page', 'old')
second.set('gone', 'old')
second.save()
const errors = []
second.set('page', 'new')
second.removeKey('gone')
second.set('size', 10n)
second.save(true)
console.log('one that was saved before:', reload('second'))
assert.deepEqual(reload('second'), { page: 'old', gone: 'old' })
second.on('error', (error) => errors.push(error.message))
second.save(true)
console.log('the event says:', errors)
assert.match(errors[0], /BigInt/)
second.removeKey('size')
second.set('values', [new Date(5), new Map([[1, 2]]), /a/, NaN])
second.save(true)
console.log('without the BigInt:', reload('second'))
assert.deepEqual(reload('second'), { page: 'new', values: ['1970-01-01T00:00:00.005Z', {}, {}, null] })
NODE
