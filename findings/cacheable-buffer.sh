#!/usr/bin/env bash
# cacheable 2.5.0 (npm): in memory a Buffer comes back as a Uint8Array, whose toString() is "116,101,120,116".
#
# Expected: its README: values are cloned, so that changing one doesn't change the cache. A clone is of the same kind, as with a plain
#   Keyv as the store; and what is changed after set() isn't in the cache.
# Seen: the clone is structuredClone's: of a Buffer toString() gives numbers, JSON an object, and equals() is missing. An object with a
#   function in it is set, each get() of it is a miss and has() throws DataCloneError. set() itself doesn't clone: what the
#   caller adds to the list afterwards is in the cache.
# Who meets it: a page or image in a Buffer, or a list that is cached and then added to: who has computed it gets the right one, those
#   who hit the cache something else. The error is in the second request, not in the first.
# Instead: new Cacheable({ primary: new Keyv() }).
source "$(dirname "$0")/lib.bash"

node_packages cacheable@2.5.0 keyv@5.6.0
node_run <<'NODE'
import assert from 'node:assert'
import { Cacheable } from 'cacheable'
import { Keyv } from 'keyv'

const seen = {}
for (const [name, cache] of Object.entries({ default: new Cacheable(), keyv: new Cacheable({ primary: new Keyv() }) })) {
  const list = ['one']
  await cache.set('page', Buffer.from('text'))
  await cache.set('list', list)
  list.push('added after set')
  const page = await cache.get('page')
  seen[name] = [page.toString(), JSON.stringify(page), Buffer.isBuffer(page), (await cache.get('list')).length]
  console.log(`${name}:`, seen[name])
}
const numbers = [116, 101, 120, 116]
assert.deepEqual(seen.default, [numbers.join(), JSON.stringify({ ...numbers }), false, 2])
assert.deepEqual(seen.keyv, ['text', JSON.stringify(Buffer.from('text')), true, 1])
const cache = new Cacheable()
const answers = [await cache.set('user', { name: 'Ann', greet: () => 'hi' })]
for (const call of ['get', 'has']) answers.push(await cache[call]('user').catch((error) => error.name))
console.log('an object with a function, set, get, has:', answers)
assert.deepEqual(answers, [true, undefined, 'DataCloneError'])
NODE
