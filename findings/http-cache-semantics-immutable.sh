#!/usr/bin/env bash
# http-cache-semantics 4.3.0 (npm): a response with `Cache-Control: immutable` alone is fresh for 1000 days, not for 24 hours.
#
# Expected: its README: immutableMinTimeToLive is "a number of milliseconds to assume as the default time to cache", 24 *
#   3600 * 1000 by default.
# Seen: the number is taken as seconds: timeToLive() is 86400000000 ms, 1000 days, and immutableMinTimeToLive: 1000 gives
#   1000000 ms. With max-age beside it all is well.
# Who meets it: got, cacheable-request and others that build on it, for a server that sends `immutable` without max-age.
# Instead: immutableMinTimeToLive in seconds (86400), until that is mended; max-age from the server.
source "$(dirname "$0")/lib.bash"

node_packages http-cache-semantics@4.3.0
node_run <<'NODE'
import assert from 'node:assert'
import CachePolicy from 'http-cache-semantics'

const request = { url: '/', method: 'GET', headers: {} }
const life = (header, options) => new CachePolicy(request, { status: 200, headers: { 'cache-control': header } }, options).timeToLive()
const byDefault = life('immutable')
const asked = life('immutable', { immutableMinTimeToLive: 1000 })
const withAge = life('immutable, max-age=60')
console.log({ byDefault, days: byDefault / 86400000, askedFor1000ms: asked, withMaxAge60: withAge })
assert.equal(Math.round(byDefault / 86400000), 1000)
assert.equal(asked, 1000000)
assert.ok(withAge <= 60000)
NODE
