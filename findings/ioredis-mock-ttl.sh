#!/usr/bin/env bash
# ioredis-mock 8.13.1 (npm): KEEPTTL drops the TTL, RENAME brings another's, NX, GT and LT of EXPIRE don't count, and TTLs that Redis refuses are taken.
#
# Expected: "emulates ioredis by performing all operations in-memory": commands that it takes do what the server's do, or are refused as
#   unsupported, as COPY and TOUCH are.
# Seen: SET KEEPTTL leaves no TTL; a key that is renamed over one with a TTL has that one's; EXPIRE NX, GT and LT always set it; EX 0 and
#   EX 1.5 are OK, where Redis says an error. GET of a hash is the hash, MGET has it in the row; INCR of text makes it NaN.
#   Scripts return true, false and 2.7 for what is 1, null and 2 by the protocol: `(await redis.eval(unlock)) === 1` never holds.
# Who meets it: tests of locks, sessions and limits: what is green with the mock loses or keeps TTLs on Redis, or the other way round.
# Instead: a server; redis-server takes milliseconds to start.
source "$(dirname "$0")/lib.bash"

node_packages ioredis-mock@8.13.1 ioredis@5.11.1
start_valkey
node_run "$port" <<'NODE'
import assert from 'node:assert'
import Redis from 'ioredis'
import Mock from 'ioredis-mock'

const kind = (ttl) => (ttl > 0 ? 'some' : ttl)
const attempt = (promise) => promise.catch((error) => (/unsupported/i.test(error.message) ? 'unsupported' : 'error'))
const cases = {
  'SET KEEPTTL': [async (c) => { await c.set('k', 1, 'EX', 100); await c.set('k', 2, 'KEEPTTL'); return kind(await c.ttl('k')) }, 'some', -1],
  'RENAME over a TTL': [async (c) => { await c.set('from', 1); await c.set('to', 2, 'EX', 100); await c.rename('from', 'to'); return kind(await c.ttl('to')) }, -1, 'some'],
  'EXPIRE NX': [async (c) => { await c.set('k', 1, 'EX', 100); return [await c.expire('k', 5, 'NX'), await c.ttl('k') > 50] }, [0, true], [1, false]],
  'EXPIRE GT': [async (c) => { await c.set('k', 1, 'EX', 100); return [await c.expire('k', 5, 'GT'), await c.ttl('k') > 50] }, [0, true], [1, false]],
  'SET EX 0': [(c) => attempt(c.set('k', 1, 'EX', 0)), 'error', 'OK'],
  'SET EX 1.5': [(c) => attempt(c.set('k', 1, 'EX', 1.5)), 'error', 'OK'],
  'GET of a hash': [async (c) => { await c.hset('hash', 'a', 1); return attempt(c.get('hash')) }, 'error', { a: '1' }],
  'MGET of a hash': [async (c) => { await c.hset('hash', 'a', 1); return c.mget('hash') }, [null], [{ a: '1' }]],
  'INCRBYFLOAT of text': [async (c) => { await c.set('t', 'abc'); return [await attempt(c.incrbyfloat('t', 1)), await c.get('t')] }, ['error', 'abc'], ['NaN', 'NaN']],
  'EVAL': [async (c) => [await c.eval('return true', 0), await c.eval('return false', 0), await c.eval('return 2.7', 0)], [1, null, 2], [true, false, 2.7]],
}
const server = new Redis(process.argv[2]), mock = new Mock()
for (const [name, [run, onServer, onMock]] of Object.entries(cases)) {
  const seen = [await run(server), await run(mock)]
  console.log(`${name}: server ${JSON.stringify(seen[0])}, mock ${JSON.stringify(seen[1])}`)
  assert.deepStrictEqual(JSON.parse(JSON.stringify(seen)), [onServer, onMock])
}
assert.equal(await attempt((async () => mock.copy('k', 'l'))()), 'unsupported')
process.exit()
NODE
