#!/usr/bin/env bash
# theine 2.0.0: two keys of the same hash throw each other out, and delete() of one deletes the other: -1 and -2, for example.
#
# Expected: its README: a key is any hashable object. In a dictionary keys of the same hash live side by side.
# Seen: the cache knows its entries by the hash alone. Python's hash(-1) is hash(-2), and so are those of tuples that hold
#   them; hash(0) is hash(2**61 - 1). Setting (3, -2) removes (3, -1). delete(-2) says True and removes -1, though -2 was never
#   set. (A get compares the keys, so no value of another key is returned.)
# Who meets it: coordinates, time zone offsets, "-1 is none" beside -2: with two such keys in use every second read misses,
#   and the cache never says why.
# Instead: text as the key, e.g. f"{x}:{y}", or a tuple without -1.
source "$(dirname "$0")/lib.bash"

python_packages theine==2.0.0
python_run <<'PYTHON'
from theine import Cache

for first, second in ((-1, -2), ((3, -1), (3, -2)), (0, 2**61 - 1)):
    cache = Cache(1000)
    cache.set(first, "first")
    cache.set(second, "second")
    seen = cache.get(first), cache.get(second), len(cache)
    print(f"set {first}, set {second}: get {first} = {seen[0]}, get {second} = {seen[1]}, {seen[2]} entry")
    assert seen == ((None, False), ("second", True), 1), seen

cache = Cache(1000)
cache.set(-1, "first")
deleted = cache.delete(-2)
print(f"set -1, delete -2 ({deleted}): get -1 = {cache.get(-1)}")
assert deleted and cache.get(-1) == (None, False)
cache.set("3:-1", "first")
cache.set("3:-2", "second")
assert cache.get("3:-1") == ("first", True) and cache.get("3:-2") == ("second", True)
cache.close()
PYTHON
