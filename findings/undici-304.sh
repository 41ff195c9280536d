#!/usr/bin/env bash
# undici 7.30.2 (npm), interceptors.cache: a 304 with Cache-Control throws the entry away: each second request is fetched
# whole.
#
# Expected: RFC 9111, 4.3.4: a 304 updates the stored response, which is fresh again. RFC 9110, 15.4.5: a 304 must carry the
#   Cache-Control that the 200 would have.
# Seen: the server answers 200, 304, 200, 304 .. though nothing changed, for no-cache and for a max-age alike: after a 304
#   nothing is stored. Only if the 304 has no Cache-Control it is 200, 304, 304 .. What a 304 has just confirmed is given out
#   with `Warning: 110 - "response is stale"`.
# Who meets it: whoever expects of a cache before an API with ETags that what hasn't changed isn't sent again: half of it is.
# Instead: a longer max-age, where that may be; or keep body and ETag oneself.
source "$(dirname "$0")/lib.bash"

node_packages undici@7.30.2
node_run <<'NODE'
import assert from 'node:assert'
import { createServer } from 'node:http'
import { Agent, interceptors, request } from 'undici'

const seen = {}
const server = createServer((question, answer) => {
  const known = question.headers['if-none-match'] === '"1"'
  const url = new URL(question.url, 'http://localhost')
  const control = url.searchParams.get('control')
  ;(seen[url.pathname + ' ' + control] ??= []).push(known ? 304 : 200)
  answer.setHeader('etag', '"1"')
  if (!known || url.pathname === '/with') answer.setHeader('cache-control', control)
  answer.statusCode = known ? 304 : 200
  answer.end(known ? undefined : 'the body')
})
await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
const base = `http://127.0.0.1:${server.address().port}`
const dispatcher = new Agent().compose(interceptors.cache())
let warnings = 0
for (const [path, control, pause] of [['/with', 'no-cache', 0], ['/with', 'max-age=2', 2600], ['/without', 'no-cache', 0]]) {
  for (let n = 0; n < 6; n++) {
    const { body, headers } = await request(`${base}${path}?control=${control}`, { dispatcher })
    assert.equal(await body.text(), 'the body')
    warnings += headers.warning === '110 - "response is stale"'
    await new Promise((done) => setTimeout(done, pause))
  }
}
console.log('what the server answered; 304 with and without Cache-Control:', seen, '| warnings', warnings)
const alternating = [200, 304, 200, 304, 200, 304]
assert.deepEqual(seen['/with no-cache'], alternating)
assert.deepEqual(seen['/with max-age=2'], alternating)
assert.deepEqual(seen['/without no-cache'], [200, 304, 304, 304, 304, 304])
assert.ok(warnings > 0)
process.exit(0)
NODE
