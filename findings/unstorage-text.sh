#!/usr/bin/env bash
# unstorage 1.17.6 (npm): text that looks like a number comes back as a number, and a long one as another number.
#
# Expected: setItem(key, 'text') and getItem(key) give the same text, as an object gives an equal object. Text isn't written
#   as JSON, so it can be told apart.
# Seen: '42' is 42, 'true' is true, '1e3' is 1000, '"q"' is q, '{"a":1}' is an object. '9007199254740993' is 9007199254740992.
#   'null' and 'undefined' are null and undefined, as a miss is; hasItem says true. '01' and '0x1' stay as they are. So with
#   every driver, in memory as well, and for values that another program wrote to Redis.
# Who meets it: ids of 17 and more digits (tweets, chats, snowflakes) as text; a commit hash such as 1234e567 (Infinity);
#   tokens and postcodes that change their type from one to the next.
# Instead: setItem(key, { text }), or getItemRaw and setItemRaw.
source "$(dirname "$0")/lib.bash"

node_packages unstorage@1.17.6
node_run <<'NODE'
import assert from 'node:assert'
import { createStorage } from 'unstorage'

const storage = createStorage()
const expected = {
  '42': 42, 'true': true, '1e3': 1000, '"q"': 'q', '{"a":1}': { a: 1 }, '9007199254740993': 9007199254740992,
  '1234e567': Infinity, null: null, undefined: undefined, '01': '01', '0x1': '0x1', 'text': 'text',
}
const seen = {}
for (const text of Object.keys(expected)) {
  await storage.setItem('key', text)
  seen[text] = await storage.getItem('key')
  assert.equal(await storage.hasItem('key'), true)
  await storage.setItem('key', { text })
  assert.deepEqual(await storage.getItem('key'), { text })
}
console.log('stored text: what is read', seen)
assert.deepEqual(seen, expected)
NODE
