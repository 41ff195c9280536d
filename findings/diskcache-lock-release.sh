#!/usr/bin/env bash
# diskcache 5.6.3: Lock.release() after the lock has expired frees the lock of whoever holds it now.
#
# Expected: diskcache's documentation of Lock: a "recipe for cross-process and cross-thread lock", with `expire` for
#   holders that die. As with redis-py's Lock, a release after the expiry is expected to fail or to do nothing.
# Seen: release() deletes the key whoever set it: the late first holder frees the second holder's lock, and a third
#   enters beside the second. RLock in the same module does check (AssertionError).
# Who meets it: work that now and then takes longer than `expire`.
# Instead: RLock, which keeps the holder's process and thread; or no `expire` at all.
source "$(dirname "$0")/lib.bash"

python_packages diskcache==5.6.3
python_run "$tmp/cache" <<'PYTHON'
import sys, threading, time
from diskcache import Cache, Lock, RLock

cache = Cache(sys.argv[1])
late = Lock(cache, "lock", expire=0.1)
late.acquire()
time.sleep(0.3)
second = Lock(cache, "lock", expire=60)
second.acquire()
late.release()
print("second holder's lock after the first one's late release: locked =", second.locked())
assert second.locked() is False

late = RLock(cache, "rlock", expire=0.1)
late.acquire()
time.sleep(0.3)
other = threading.Thread(target=RLock(cache, "rlock", expire=60).acquire)
other.start()
other.join()
try:
    late.release()
    raise SystemExit("RLock released what it didn't hold")
except AssertionError as error:
    print("RLock refuses:", error)
PYTHON
