#!/usr/bin/env bash
# redis-py 8.1.0: the hundred-and-first call at once raises MaxConnectionsError; aiocache 0.12.3 over it, too.
#
# Expected: up to redis-py 6.4.0 the default pool opens as many connections as calls need (2^31 at most). aiocache hands its
#   pool_max_size on, None by default, which one reads as "no limit".
# Seen: without max_connections, or with None, the pool has 100 and doesn't wait: of 150 calls at once 50 fail. aiocache takes
#   newer versions of redis too, so an update of that alone brings it. @cached logs the failure and computes: a burst, the
#   case that the cache is there for, goes past it.
# Who meets it: asyncio services with more than a hundred requests at once.
# Instead: redis.asyncio.BlockingConnectionPool, which waits; in aiocache connection_pool_class=BlockingConnectionPool, or
#   pool_max_size.
source "$(dirname "$0")/lib.bash"

start_valkey
cat > "$tmp/main.py" <<'PYTHON'
import asyncio, logging, sys
import redis
from redis.asyncio import BlockingConnectionPool, Redis
from aiocache import RedisCache, cached

logging.disable(logging.CRITICAL)
port = int(sys.argv[1])

async def at_once(call):
    answers = await asyncio.gather(*(call() for _ in range(150)), return_exceptions=True)
    failed = [type(answer).__name__ for answer in answers if isinstance(answer, Exception)]
    return len(failed), sorted(set(failed))

async def main():
    client, cache = Redis(port=port), RedisCache(endpoint="127.0.0.1", port=port)
    waiting = Redis(connection_pool=BlockingConnectionPool(port=port))
    calls = 0

    @cached(cache=RedisCache, endpoint="127.0.0.1", port=port, key="stored")
    async def compute():
        nonlocal calls
        calls += 1
        return "value"

    await cache.set("stored", "value")
    seen = [await at_once(call) for call in (lambda: client.get("k"), lambda: cache.get("k"), lambda: waiting.get("k"), compute)]
    print(f"redis-py {redis.__version__}, 150 calls at once: client {seen[0]}, aiocache {seen[1]}, BlockingConnectionPool {seen[2]};")
    print(f"  @cached of what is stored: {seen[3]}, computed {calls} times")
    return seen, calls

seen, calls = asyncio.run(main())
failing = (50, ["MaxConnectionsError"]) if redis.__version__.startswith("8.") else (0, [])
assert seen == [failing, failing, (0, []), (0, [])], seen
assert (calls > 0) == redis.__version__.startswith("8."), calls
PYTHON
for version in 6.4.0 8.1.0; do
  python_packages aiocache==0.12.3 redis==$version
  python_run "$port" < "$tmp/main.py"
done
