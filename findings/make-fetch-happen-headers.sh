#!/usr/bin/env bash
# make-fetch-happen 15.0.6 (npm): a hit lacks most headers that the miss had, among them Age, so that what was old stays for longer.
#
# Expected: RFC 9111, 3.1: a cache keeps all header fields of an answer, but for those of the connection; what is read from it is
#   the same answer. 4.2.3: an Age that the answer came with is subtracted from its lifetime.
# Seen: it keeps a dozen headers (Cache-Control, ETag, Content-Type, Link ...) and drops the others on the way into its cache:
#   X-Total-Count, Content-Disposition and whatever an application adds are there the first time, and not from then on. Age
#   is dropped, too: an answer that was 100 s old with max-age=60 is a hit for a minute.
# Who meets it: code that reads a header of the body's meaning (the number of pages, a file's name, a signature): it works, until
#   the second call within max-age.
# Instead: name them in the option cacheAdditionalHeaders, which is run here, too; Age as well, if caches stand in between.
source "$(dirname "$0")/lib.bash"

node_packages make-fetch-happen@15.0.6
node_run <<'NODE'
import assert from 'node:assert'
import { createServer } from 'node:http'
import makeFetchHappen from 'make-fetch-happen'

const headers = { 'cache-control': 'max-age=60', 'x-total-count': '12', 'content-disposition': 'attachment; filename="a.csv"' }
const server = createServer((request, response) => response.writeHead(200, request.url === '/old' ? { ...headers, age: '100' } : headers).end('body'))
await new Promise((done) => server.listen(0, '127.0.0.1', done))

const ask = async (fetch, path) => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`)
  assert.equal(await answer.text(), 'body')
  const has = Object.fromEntries(['x-total-count', 'content-disposition', 'cache-control'].map((name) => [name, answer.headers.has(name)]))
  return { status: answer.headers.get('x-local-cache-status'), ...has }
}
const plain = makeFetchHappen.defaults({ cachePath: './cache' })
const keeping = makeFetchHappen.defaults({ cachePath: './keeping', cacheAdditionalHeaders: ['x-total-count', 'content-disposition', 'age'] })
const seen = { miss: await ask(plain, '/'), hit: await ask(plain, '/'), old: (await ask(plain, '/old'), await ask(plain, '/old')) }
await ask(keeping, '/')
seen.keeping = await ask(keeping, '/')
await ask(keeping, '/old')
seen.keepingOld = await ask(keeping, '/old')
console.log(seen)
const all = { 'x-total-count': true, 'content-disposition': true, 'cache-control': true }
assert.deepEqual(seen.miss, { status: 'miss', ...all })
assert.deepEqual(seen.hit, { status: 'hit', 'x-total-count': false, 'content-disposition': false, 'cache-control': true })
assert.equal(seen.old.status, 'hit')
assert.deepEqual(seen.keeping, { status: 'hit', ...all })
assert.notEqual(seen.keepingOld.status, 'hit')
process.exit(0)
NODE
