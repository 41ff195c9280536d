#!/usr/bin/env bash
# got 14.6.6, cacheable-request 13.0.19 (npm): with `cache` set the same POST a second time isn't sent if the first answer had
# max-age.
#
# Expected: RFC 9111, 4: unsafe methods are written through to the origin; RFC 9110, 9.3.3: a stored answer to a POST can
#   serve a later GET or HEAD, if it has Content-Location too, and never a POST. got's documentation: RFC 7234 compliant
#   caching.
# Seen: two POSTs of the same body to the same URL: the server sees one, the second caller gets the first one's answer. With
#   another body, and with PUT, PATCH and DELETE, each one is sent.
# Who meets it: `cache` in got.extend() for all of an API whose server or gateway adds max-age to each answer: the second
#   order of the same thing, the second "add one", isn't made, and looks as if it were.
# Instead: `cache: false` for POST: client.extend({ cache: false }).
source "$(dirname "$0")/lib.bash"

node_packages got@14.6.6 cacheable-request@13.0.19
node_run <<'NODE'
import assert from 'node:assert'
import { createServer } from 'node:http'
import got from 'got'

let seen = []
const server = createServer((question, answer) => {
  const parts = []
  question.on('data', (part) => parts.push(part))
  question.on('end', () => {
    seen.push(Buffer.concat(parts).toString())
    answer.setHeader('cache-control', 'max-age=60')
    answer.end(`answer ${seen.length}`)
  })
})
await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
const client = got.extend({ cache: new Map(), prefixUrl: `http://127.0.0.1:${server.address().port}` })
for (const method of ['post', 'put', 'patch', 'delete']) {
  seen = []
  const answers = []
  for (const item of ['tea', 'tea', 'milk']) answers.push(await client[method](`${method}/basket`, { json: { item } }).text())
  console.log(method, '| answers', answers, '| the server saw', seen)
  const [tea, milk] = ['{"item":"tea"}', '{"item":"milk"}']
  assert.deepEqual(seen, method === 'post' ? [tea, milk] : [tea, tea, milk])
  assert.deepEqual(answers, method === 'post' ? ['answer 1', 'answer 1', 'answer 2'] : ['answer 1', 'answer 2', 'answer 3'])
}
const without = client.extend({ cache: false })
seen = []
for (const item of ['tea', 'tea']) await without.post('post/basket', { json: { item } })
assert.equal(seen.length, 2)
process.exit(0)
NODE
