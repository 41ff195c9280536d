#!/usr/bin/env bash
# Express 5.3.0 (npm) behind HAProxy 2.6.12 or Apache 2.4.68: an answer that says nothing of caching is cached, for a minute or an
# hour, since Express adds an ETag.
#
# Expected: what has neither Cache-Control nor Expires isn't kept by a shared cache; the ETag is for a browser that asks again, and a
#   cache may use it for the same.
# Seen: Express sends an ETag with each res.send() and res.json(). That is enough for both proxies: HAProxy keeps the answer for
#   its cache's max-age (60 s by default), Apache's mod_cache for CacheDefaultExpire (an hour). They don't revalidate with it. nginx
#   and Squid keep neither. A plain node:http answer without an ETag isn't kept by any of them.
# Who meets it: an API behind a proxy whose cache was turned on for files: what was just changed by a POST to another path is read
#   as it was before. By Cookie it isn't told apart.
# Instead: Cache-Control: no-cache (or private) in the application for whatever has no lifetime; app.set('etag', false).
source "$(dirname "$0")/lib.bash"

node_packages express@5.3.0
start_haproxy
haproxy=$port
start_apache
apache=$port
start_nginx < /dev/null
node_run "$origin" "$haproxy" "$apache" "$port" <<'NODE'
import assert from 'node:assert'
import express from 'express'
import { createServer } from 'node:http'

const [origin, ...ports] = process.argv.slice(2).map(Number)
const app = express()
let calls = 0
app.get('/api/:name', (request, response) => response.json({ calls: ++calls }))
const handle = (request, response) => {
  if (request.url.startsWith('/api/')) return app(request, response)
  const body = JSON.stringify({ calls: ++calls })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
}
const server = createServer(handle).listen(origin, '127.0.0.1')
await new Promise((done) => server.once('listening', done))

const seen = {}
for (const [name, port] of [['HAProxy', ports[0]], ['Apache', ports[1]], ['nginx', ports[2]]]) {
  for (const path of ['/api/', '/plain/']) {
    const answers = []
    for (const cookie of ['user=1', 'user=2']) answers.push(await fetch(`http://127.0.0.1:${port}${path}${name}`, { headers: { cookie } }))
    const [first, second] = await Promise.all(answers.map((answer) => answer.json()))
    const kept = first.calls === second.calls
    const { headers } = answers[1]
    console.log(name, path, kept ? 'is kept' : "isn't kept", '| ETag', headers.get('etag'), '| Cache-Control', headers.get('cache-control'))
    assert.equal(kept, path === '/api/' && name !== 'nginx')
  }
}
process.exit(0)
NODE
