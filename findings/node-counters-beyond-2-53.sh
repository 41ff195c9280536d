#!/usr/bin/env bash
# ioredis 5.11.1 and redis 6.3.1 (npm): a counter beyond 2^53 answers with a number that isn't the one that was stored.
#
# Expected: INCR's documentation: 64-bit integers, and the reply is the value after the increment. A client that can't show it
#   raises an error or returns text or a BigInt.
# Seen: the reply is rounded to a double: from 2^60 on 128 INCR or so in a row return the same number. GET of the same key,
#   which is text, is exact.
# Who meets it: ids of snowflake form (they are near 2^60) that are taken from a counter: two callers get the same one.
# Instead: ioredis: `stringNumbers: true`; redis: `client.withTypeMapping({ [RESP_TYPES.NUMBER]: String })`.
source "$(dirname "$0")/lib.bash"

start_valkey
node_packages ioredis@5.11.1 redis@6.3.1
PORT=$port node_run <<'NODE'
import assert from 'node:assert'
import Redis from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'

const port = Number(process.env.PORT)
const [plain, text] = [new Redis(port), new Redis(port, { stringNumbers: true })]
const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
const mapped = client.withTypeMapping({ [RESP_TYPES.NUMBER]: String })
const start = '1152921504606846976' // 2^60
const increments = {
  ioredis: () => plain.incr('k'),
  redis: () => client.incr('k'),
  'ioredis, stringNumbers': () => text.incr('k'),
  'redis, numbers as text': () => mapped.incr('k'),
}
for (const [name, increment] of Object.entries(increments)) {
  await plain.set('k', start)
  const seen = [await increment(), await increment(), await increment()].map(String)
  const stored = await plain.get('k')
  console.log(`${name}: three INCR of ${start} return ${seen.join(', ')}; stored is ${stored}`)
  assert.equal(stored, '1152921504606846979')
  const exact = ['1152921504606846977', '1152921504606846978', '1152921504606846979']
  if (name.includes(',')) assert.deepEqual(seen, exact)
  else assert.equal(new Set(seen).size, 1)
}
process.exit(0)
NODE
