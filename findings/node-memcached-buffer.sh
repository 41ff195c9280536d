#!/usr/bin/env bash
# memcached 2.2.2 (npm) stores a Buffer as the UTF-8 of its Latin-1: other clients read other bytes.
#
# Expected: set(key, Buffer) stores the bytes of the Buffer (its README: the value is "a buffer, JSON, number or
#   string").
# Seen: Buffer.from([0xff, 0x00]) is three bytes on the server, c3 bf 00. The client undoes it for itself, so that no
#   test of one side notices; every other client reads bytes that are longer and not those that were written.
# Who meets it: MessagePack, images, compressed values shared between Node and anything else; sizes near the server's
#   limit too, since random bytes grow by half.
# Instead: memjs, which stores the bytes, or base64 text.
source "$(dirname "$0")/lib.bash"

start_memcached
node_packages memcached@2.2.2 memjs@1.3.2
node_run "$port" <<'NODE'
import assert from 'node:assert'
import Memcached from 'memcached'
import memjs from 'memjs'

const address = `127.0.0.1:${process.argv[2]}`
const memcached = new Memcached(address)
const other = memjs.Client.create(address)
const call = (work) => new Promise((done, failed) => work((error, answer) => (error ? failed(error) : done(answer))))

const written = Buffer.from([0xff, 0x00])
await call((end) => memcached.set('by-memcached', written, 0, end))
await other.set('by-memjs', written, {})
const own = await call((end) => memcached.get('by-memcached', end))
const seen = (await other.get('by-memcached')).value
const plain = (await other.get('by-memjs')).value
console.log({ written, own, seenByMemjs: seen, memjsItself: plain })
assert.deepEqual(own, written)
assert.deepEqual(seen, Buffer.from([0xc3, 0xbf, 0x00]))
assert.deepEqual(plain, written)
memcached.end()
other.close()
NODE
