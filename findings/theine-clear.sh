#!/usr/bin/env bash
# theine 2.0.0: after clear() a cache that has seen many more entries than fit keeps nothing any more.
#
# Expected: clear() gives the cache as it was when it was made: empty, with its whole size.
# Seen: what was in it is gone, and its room isn't free again. Through a cache for 1000 entries go 50000; after clear() each
#   set() is thrown out at once: get() is a miss, len() stays 0, and no error tells. If the entries are deleted one by one,
#   new ones are kept.
# Who meets it: clear() after a deployment or a change of configuration, or between two tests: from then on each call goes to
#   the database.
# Instead: make a new Cache in its place.
source "$(dirname "$0")/lib.bash"

python_packages theine==2.0.0 theine-core==2.1.0
python_run <<'PYTHON'
from theine import Cache

def kept(empty):
    cache = Cache(1000)
    for n in range(50000):
        cache.set(f"before {n}", n)
    held = len(cache)
    empty(cache)
    assert len(cache) == 0
    for n in range(500):
        cache.set(f"after {n}", n)
    return held, sum(cache.get(f"after {n}")[1] for n in range(500)), len(cache)

def clear(cache):
    cache.clear()

def delete(cache):
    for n in range(50000):
        cache.delete(f"before {n}")

seen = {way.__name__: kept(way) for way in (delete, clear)}
for way, (held, after, length) in seen.items():
    print(f"size 1000, held {held}, then {way}: of 500 new entries {after} are kept, len() is {length}")
assert seen["clear"] == (1000, 0, 0)
assert seen["delete"][1] == seen["delete"][2] == 500
PYTHON
