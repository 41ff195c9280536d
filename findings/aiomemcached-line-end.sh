#!/usr/bin/env bash
# AioMemcached 0.8.4: a value that ends with a line end is stored, and can't be read by it.
#
# Expected: values are bytes, of which memcached knows only the length. aiomcache, which it is a fork of, and emcache read
#   them.
# Seen: all line ends are cut from the end of the value, not just the one of the protocol; then the length is wrong, and
#   get raises ResponseException. get_many raises for all its keys if one of them holds such a value.
# Who meets it: text files, rendered pages and templates, compressed data in one case of a hundred.
# Instead: aiomcache, or emcache; a byte behind each value that isn't a line end.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages AioMemcached==0.8.4 aiomcache==0.8.2 emcache==1.3.3
python_run "$port" <<'PYTHON'
import asyncio, sys
import aiomcache, aiomemcached, emcache

async def main():
    port = int(sys.argv[1])
    client, old = aiomemcached.Client(host="127.0.0.1", port=port), aiomcache.Client("127.0.0.1", port)
    other = await emcache.create_client([emcache.MemcachedHostAddress("127.0.0.1", port)])
    await client.set(b"good", b"value")
    for value in (b"text\n", b"text\r\n", b"text\r", b"\n"):
        assert await client.set(b"key", value)
        raised = []
        for read in (client.get(b"key"), client.get_many([b"good", b"key"])):
            try:
                raised.append(await read)
            except aiomemcached.ResponseException as error:
                raised.append(type(error).__name__)
        others = await old.get(b"key"), (await other.get(b"key")).value
        print(f"{value}: get and get_many raise {raised}; aiomcache and emcache read {others}")
        assert raised == ["ResponseException"] * 2 and others == (value, value), (raised, others)
    await client.set(b"key", b"te\nxt")
    assert (await client.get(b"key"))[0] == b"te\nxt"
    await client.close()
    await old.close()
    await other.close()

asyncio.run(main())
PYTHON
