#!/usr/bin/env bash
# apicache 1.6.3, memory-cache 0.2.0, expiry-map 2.0.0, timed-cache 2.0.0, moize 6.1.7 (npm): a TTL of 30 days is over at
# once.
#
# Expected: 30 days is longer than 20. lru-cache, Keyv, @isaacs/ttlcache and catbox-memory keep such an entry; memoizee
#   throws.
# Seen: each of the five ends an entry by a timer, and a timer of Node longer than 2^31 - 1 ms (24.8 days) fires after 1 ms.
#   20 days is a hit, 30 days a miss, always. apicache tells the browser `max-age=2592000` all the same. Node says so in a
#   warning on stderr, the cache doesn't.
# Who meets it: "cache it for a month" for what hardly changes: it is computed for each request.
# Instead: at most 24 days, or one that compares times.
source "$(dirname "$0")/lib.bash"

node_packages apicache@1.6.3 memory-cache@0.2.0 expiry-map@2.0.0 timed-cache@2.0.0 moize@6.1.7 \
  lru-cache@11.5.3 keyv@5.6.0 @isaacs/ttlcache@2.1.5 memoizee@0.4.17
node_run 2>/dev/null <<'NODE'
import assert from 'node:assert'
import { createServer } from 'node:http'
import { TTLCache } from '@isaacs/ttlcache'
import apicache from 'apicache'
import ExpiryMap from 'expiry-map'
import Keyv from 'keyv'
import { LRUCache } from 'lru-cache'
import memoizee from 'memoizee'
import memoryCache from 'memory-cache'
import moize from 'moize'
import TimedCache from 'timed-cache'

const pause = () => new Promise((done) => setTimeout(done, 100))
const day = 24 * 3600 * 1000

// A second read after 100 ms: is it a hit?
const kinds = {
  apicache: async (days) => {
    let made = 0
    const middleware = apicache.newInstance().middleware(`${days} days`)
    const server = createServer((request, response) => middleware(request, response, () => response.end(`made ${++made}`)))
    await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
    const url = `http://127.0.0.1:${server.address().port}/`
    const { headers } = await fetch(url)
    await pause()
    await (await fetch(url)).text()
    assert.equal(headers.get('cache-control'), `max-age=${days * 24 * 3600}`)
    return made === 1
  },
  'memory-cache': async (days) => {
    const cache = new memoryCache.Cache()
    cache.put('key', 'value', days * day)
    await pause()
    return cache.get('key') === 'value'
  },
  'expiry-map': async (days) => {
    const cache = new ExpiryMap(days * day)
    cache.set('key', 'value')
    await pause()
    return cache.get('key') === 'value'
  },
  'timed-cache': async (days) => {
    const cache = new TimedCache({ defaultTtl: days * day })
    cache.put('key', 'value')
    await pause()
    return cache.get('key') === 'value'
  },
  moize: async (days) => {
    let made = 0
    const make = moize(() => ++made, { maxAge: days * day })
    make()
    await pause()
    return make() === 1
  },
  'lru-cache': async (days) => {
    const cache = new LRUCache({ max: 10, ttl: days * day, ttlAutopurge: true })
    cache.set('key', 'value')
    await pause()
    return cache.get('key') === 'value'
  },
  keyv: async (days) => {
    const cache = new Keyv()
    await cache.set('key', 'value', days * day)
    await pause()
    return (await cache.get('key')) === 'value'
  },
  '@isaacs/ttlcache': async (days) => {
    const cache = new TTLCache({ ttl: days * day })
    cache.set('key', 'value')
    await pause()
    return cache.get('key') === 'value'
  },
}
const hits = {}
for (const [name, hit] of Object.entries(kinds)) hits[name] = [await hit(20), await hit(30)]
console.log('a hit with 20 days, with 30 days:', hits)
const wrong = ['apicache', 'memory-cache', 'expiry-map', 'timed-cache', 'moize']
for (const [name, seen] of Object.entries(hits)) assert.deepEqual(seen, [true, !wrong.includes(name)], name)
assert.throws(() => memoizee(() => 1, { maxAge: 30 * day })(), /exceeds maximum possible timeout/)
process.exit(0)
NODE
