#!/usr/bin/env bash
# redis-py 8.1.0: a Lock used from a thread other than the one that made it raises AttributeError, not LockError.
#
# Expected: redis-py's documentation of Lock says that the token is kept in thread-local storage by default, "so that a
#   thread only sees its token". A thread that hasn't acquired should then get False from owned() and a LockError from
#   release(), as the thread that made the lock does.
# Seen: only the thread that made the object has the attribute at all. In any other thread owned(), release() and
#   extend() before an acquire() raise AttributeError: '_thread._local' object has no attribute 'token'.
# Who meets it: a Lock made at import and used in a thread pool, with `except LockError` around release() or a check of
#   owned().
# Instead: make a Lock in the thread that uses it.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages redis==8.1.0
python_run "$port" <<'PYTHON'
import sys
from concurrent.futures import ThreadPoolExecutor
import redis
from redis.exceptions import LockError

lock = redis.Redis(port=int(sys.argv[1])).lock("lock", timeout=10)

def outcome(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

print("this thread, not acquired: owned()", lock.owned(), "| release()", outcome(lock.release))
assert outcome(lock.release).startswith("LockError")
with ThreadPoolExecutor(1) as pool:
    for call in (lock.owned, lock.release):
        seen = pool.submit(outcome, call).result()
        print(f"another thread, not acquired: {call.__name__}() {seen}")
        assert seen.startswith("AttributeError"), seen
PYTHON
