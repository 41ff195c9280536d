#!/usr/bin/env bash
# lru-cache 11.5.3 (npm): fetch() of a key that is being fetched has the first caller's signal and context; one's own are
# ignored.
#
# Expected: the documentation of fetch(): a signal that is passed aborts the fetch and makes the promise reject; context is
#   handed to fetchMethod. From that, each caller's signal rules that caller's promise.
# Seen: callers of one key share the first one's fetch. If its signal aborts, all are rejected with its reason, also those who
#   gave none. The signal of a later caller does nothing: aborted after 50 ms, it waits for the whole 300. Its context doesn't
#   reach fetchMethod.
# Who meets it: handlers that pass the request's signal or AbortSignal.timeout(n): one client that goes away fails the others,
#   and the timeout is that of whoever came first. A context that says for whom the value is computed.
# Instead: no signal to fetch(); each caller races the promise against its own. What the value depends on goes into the key.
source "$(dirname "$0")/lib.bash"

node_packages lru-cache@11.5.3
node_run <<'NODE'
import assert from 'node:assert'
import { LRUCache } from 'lru-cache'

const cache = new LRUCache({
  max: 10,
  fetchMethod: (key, old, { signal, context }) =>
    new Promise((done, failed) => {
      const timer = setTimeout(() => done(`${key} for ${context}`), 300)
      signal.addEventListener('abort', () => (clearTimeout(timer), failed(signal.reason)))
    }),
})
const outcome = async (promise) => {
  const begin = performance.now()
  const [{ value, reason }] = await Promise.allSettled([promise])
  return { got: value ?? reason.message, ms: Math.round(performance.now() - begin) }
}
const both = (key, first, second) => Promise.all([first, second].map((options) => outcome(cache.fetch(key, options))))
const after = (ms, text) => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error(text)), ms)
  return controller.signal
}

const firstAborts = await both('a', { context: 'one', signal: after(50, 'the first went away') }, { context: 'two' })
console.log('the first aborts after 50 ms:', firstAborts)
assert.deepEqual(firstAborts.map((seen) => seen.got), ['the first went away', 'the first went away'])

const secondAborts = await both('b', { context: 'one' }, { context: 'two', signal: after(50, 'the second went away') })
console.log('the second aborts after 50 ms:', secondAborts)
assert.deepEqual(secondAborts.map((seen) => seen.got), ['b for one', 'b for one'])
assert.ok(secondAborts[1].ms > 200)
NODE
