#!/usr/bin/env bash
# aiocache 0.12.3: RedLock doesn't wait for a lock that another process holds; both compute at once.
#
# Expected: aiocache's documentation: Redis "implements correctly the redlock algorithm", and "when a new call arrives,
#   it will wait always at most lease time". (It warns of misses after the lease is over, not of this.)
# Seen: within one process others wait for an event of that process (who asks before it is there enters, too). A lock held by
#   another process isn't waited for at all: the block is entered within milliseconds, and lock and lease mean nothing between
#   processes. @cached_stampede is built on it.
# Who meets it: several web workers over one Redis, the very case of the lock.
# Instead: redis-py's Lock around the computation.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages aiocache==0.12.3 redis==6.4.0
cat > "$tmp/worker.py" <<'PYTHON'
import asyncio, sys, time
from aiocache import RedisCache
from aiocache.lock import RedLock

async def main(port, hold, tasks):
    cache = RedisCache(endpoint="127.0.0.1", port=int(port))
    waited = []

    async def one():
        begin = time.monotonic()
        async with RedLock(cache, "key", lease=120):
            waited.append(time.monotonic() - begin)
            print("inside", flush=True)
            await asyncio.sleep(float(hold))

    await asyncio.gather(*(one() for _ in range(int(tasks))))
    print(f"waited {max(waited):.2f} s", flush=True)
    await cache.close()

asyncio.run(main(*sys.argv[1:]))
PYTHON
python_run "$port" <<'PYTHON'
import subprocess, sys

def worker(hold, tasks):
    return subprocess.Popen([sys.executable, "worker.py", sys.argv[1], str(hold), str(tasks)], stdout=subprocess.PIPE, text=True)

def waited(process):
    return float(process.communicate()[0].split("waited ")[1].split()[0])

within = waited(worker(1, 2))
holder = worker(100, 1)
assert holder.stdout.readline() == "inside\n"
between = waited(worker(0, 1))
assert holder.poll() is None, "the holder was gone too early to tell"
holder.kill()
holder.wait()
print(f"waited for a second holder in the same process {within:.2f} s (held 1 s), for one in another process {between:.2f} s (which holds it)")
assert within > 0.9 and between < 3
PYTHON
