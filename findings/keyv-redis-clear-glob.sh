#!/usr/bin/env bash
# @keyv/redis 5.1.6 (npm): clear() of a namespace with a glob character deletes other namespaces' keys too.
#
# Expected: its README recommends namespaces "to limit the keys that are being cleared".
# Seen: the namespace is put into the pattern of SCAN MATCH as it is. clear() of the namespace `user?` deletes everything of `user1`,
#   `users` and so on; one of `a[1]` doesn't delete its own keys, but those of `a1`.
# Who meets it: namespaces built of names from outside: tenants, file names, URLs with a question mark.
# Instead: namespaces of letters and digits.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages keyv@5.6.0 @keyv/redis@5.1.6
node_run "$port" <<'NODE'
import assert from 'node:assert'
import Keyv from 'keyv'
import KeyvRedis from '@keyv/redis'

const store = (namespace) => new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${process.argv[2]}`), namespace })
const outcome = async (cleared, other) => {
  const one = store(cleared)
  const two = store(other)
  await one.set('k', 1)
  await two.set('k', 1)
  await one.clear()
  const seen = { cleared, itsKey: await one.get('k'), other, otherKey: await two.get('k') }
  console.log(seen)
  await one.disconnect()
  await two.disconnect()
  return [seen.itsKey, seen.otherKey]
}
assert.deepEqual(await outcome('user?', 'user1'), [undefined, undefined])
assert.deepEqual(await outcome('a[1]', 'a1'), [1, undefined])
assert.deepEqual(await outcome('plain', 'other'), [undefined, 1])
process.exit(0)
NODE
