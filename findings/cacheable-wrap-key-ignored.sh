#!/usr/bin/env bash
# cacheable 2.5.0 (npm): wrap()'s documented option `key` is ignored, and wrapped functions share results by their
# arguments alone.
#
# Expected: its README: "You can also set the `key` property in the `wrap()` options to set a custom key for the cache."
# Seen: the key is a hash of the arguments, nothing else. With `key: 'user'` and `key: 'order'`, order(7) answers with
#   what user(7) computed. undefined and null as an argument are the same as well.
# Who meets it: everybody who wraps a second function of one cache.
# Instead: `keyPrefix`, another one for each function, always.
source "$(dirname "$0")/lib.bash"

node_packages cacheable@2.5.0
node_run <<'NODE'
import assert from 'node:assert'
import { Cacheable } from 'cacheable'

const pair = async (options) => {
  const cache = new Cacheable()
  const user = cache.wrap((id) => `user ${id}`, { ttl: '1h', ...options('user') })
  const order = cache.wrap((id) => `order ${id}`, { ttl: '1h', ...options('order') })
  return [await user(7), await order(7), await order(null), await order(undefined)]
}
const byKey = await pair((name) => ({ key: name }))
const byPrefix = await pair((name) => ({ keyPrefix: name }))
console.log('key:      ', byKey)
console.log('keyPrefix:', byPrefix)
assert.deepEqual(byKey, ['user 7', 'user 7', 'order null', 'order null'])
assert.deepEqual(byPrefix, ['user 7', 'order 7', 'order null', 'order null'])
NODE
