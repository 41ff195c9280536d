#!/usr/bin/env bash
# axios-cache-interceptor 1.12.3 (npm): who asks for an object gets the Buffer, or the text, for which another asked before.
#
# Expected: responseType and transformResponse say what `data` is to be for this one request: the same URL as an arraybuffer
#   and as JSON are two answers, or one that is kept as it came and turned into either.
# Seen: what is kept is the finished `data`, and neither option is part of the key. After a get with responseType
#   'arraybuffer' a plain get has a Buffer, after one with a transformResponse of its own that one's result, and the other way
#   round; data.name is undefined, without an error. A request with `Accept: text/csv` gets the JSON of one with another
#   Accept, if the server sends no Vary.
# Who meets it: a download and a page that show the same file; a client that is shared by code that parses by itself.
# Instead: an `id` for each such request, or a keyGenerator with responseType and Accept in it.
source "$(dirname "$0")/lib.bash"

node_packages axios-cache-interceptor@1.12.3 axios@1.21.1
node_run <<'NODE'
import assert from 'node:assert'
import { createServer } from 'node:http'
import axios from 'axios'
import { setupCache } from 'axios-cache-interceptor'

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ name: 'report', accept: request.headers.accept }))
})
await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
const baseURL = `http://127.0.0.1:${server.address().port}`
const kinds = {
  arraybuffer: { responseType: 'arraybuffer' },
  'own transformResponse': { transformResponse: (text) => `${text.length} characters` },
  plain: {},
}
const kind = (data) => (Buffer.isBuffer(data) ? 'Buffer' : typeof data)
const seen = {}
for (const first of Object.keys(kinds)) {
  const client = setupCache(axios.create({ baseURL }))
  await client.get('/report', kinds[first])
  seen[first] = {}
  for (const [name, options] of Object.entries(kinds)) seen[first][name] = kind((await client.get('/report', options)).data)
}
console.log('asked first, then asked: what comes', seen)
const all = (what) => ({ arraybuffer: what, 'own transformResponse': what, plain: what })
assert.deepEqual(seen, { arraybuffer: all('Buffer'), 'own transformResponse': all('string'), plain: all('object') })

const client = setupCache(axios.create({ baseURL }))
const accepted = []
for (const accept of ['application/json', 'text/csv']) accepted.push((await client.get('/table', { headers: { accept } })).data.accept)
const apart = []
for (const options of [{ id: 'bytes', ...kinds.arraybuffer }, { id: 'object' }]) apart.push(kind((await client.get('/id', options)).data))
console.log('Accept that the server saw', accepted, '| with ids', apart)
assert.deepEqual(accepted, ['application/json', 'application/json'])
assert.deepEqual(apart, ['Buffer', 'object'])
process.exit(0)
NODE
