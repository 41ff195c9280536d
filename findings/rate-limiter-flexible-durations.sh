#!/usr/bin/env bash
# rate-limiter-flexible 11.4.0 (npm): a limit per half a second is for ever on Redis and memcached; one per 31 days is none in memory and on memcached.
#
# Expected: `duration` is in seconds, and the limiters behave alike. In memory `duration: 0.5` works: after half a second one may again.
# Seen: with 0.5 the limiters on Redis and memcached count for ever (msBeforeNext is -1, as for duration 0): whoever has reached the limit
#   once is refused for good. With 31 days the one in memory forgets after a millisecond, since Node's timers end at 24.8 days, and
#   the one on memcached at once, since memcached takes more than 30 days for a date: nobody is refused.
# Who meets it: short limits that were tried in memory; quotas per month.
# Instead: whole seconds, at least one; quotas on Redis or in a database.
source "$(dirname "$0")/lib.bash"

node_packages rate-limiter-flexible@11.4.0 ioredis@5.11.1 memcached@2.2.2
start_memcached
memcached=$port
start_valkey
NODE_NO_WARNINGS=1 node_run "$port" "$memcached" <<'NODE'
import assert from 'node:assert'
import Redis from 'ioredis'
import Memcached from 'memcached'
import { RateLimiterMemcache, RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'

const redis = new Redis(process.argv[2])
const makers = { memory: (options) => new RateLimiterMemory(options), Redis: (options) => new RateLimiterRedis({ storeClient: redis, ...options }),
  memcached: (options) => new RateLimiterMemcache({ storeClient: new Memcached(`127.0.0.1:${process.argv[3]}`), ...options }) }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const consume = (limiter) => limiter.consume('user').then(() => 'yes', (refused) => refused.msBeforeNext)
const seen = {}
for (const [name, make] of Object.entries(makers)) {
  const half = make({ points: 1, duration: 0.5, keyPrefix: 'half' }), month = make({ points: 1, duration: 31 * 86400, keyPrefix: 'month' })
  seen[name] = [await consume(half), await consume(month)]
  await sleep(2100)
  seen[name].push(await consume(half), await consume(month))
  await sleep(100)
  seen[name].push(await consume(month))
  if (seen[name][3] > 0) seen[name].splice(3, 2, 'refused', seen[name][4] > 0 ? 'refused' : seen[name][4])
  console.log(`${name}: one per 0.5 s and one per 31 days: ${seen[name].slice(0, 2)}; two seconds later ${seen[name].slice(2)}`)
}
assert.deepEqual(seen, { memory: ['yes', 'yes', 'yes', 'yes', 'yes'], Redis: ['yes', 'yes', -1, 'refused', 'refused'],
  memcached: ['yes', 'yes', -1, 'yes', 'yes'] })
process.exit()
NODE
