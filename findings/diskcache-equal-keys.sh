#!/usr/bin/env bash
# diskcache 5.6.3: an equal tuple is another key, depending on whether its strings are one object.
#
# Expected: Cache has a dictionary's interface, so one expects that it finds a key by equality, as a dictionary does.
# Seen: a tuple is looked up by its pickle, and a pickle tells whether two elements are the same object. ("ab", "ab") of
#   one literal and of two strings built at run time are equal, have equal hashes, and don't find each other;
#   @cache.memoize() computes twice. (1, 2), (1.0, 2) and (True, 2) are three keys; 1 and 1.0 are one, True is another.
# Who meets it: keys of repeated elements, such as (source, target) with both read from a file in one process and from
#   literals in another.
# Instead: one string as the key, or sys.intern() on each element.
source "$(dirname "$0")/lib.bash"

python_packages diskcache==5.6.3
python_run "$tmp/cache" <<'PYTHON'
import sys
from diskcache import Cache

cache = Cache(sys.argv[1])
calls = []

@cache.memoize()
def computed(pair):
    calls.append(pair)

built = "".join(["a", "b"])
one, two = ("ab", "ab"), ("ab", built)
cache[one] = "value"
computed(one)
computed(two)
print(f"{one} == {two}: {one == two}; get: {cache.get(one)!r}, {cache.get(two)!r}; memoize called {len(calls)} times")
assert one == two and hash(one) == hash(two)
assert (cache.get(one), cache.get(two), len(calls)) == ("value", None, 2)
cache[(1, 2)] = cache[1] = "value"
seen = [cache.get(key) for key in ((1.0, 2), (True, 2), 1.0, True)]
print("(1.0, 2), (True, 2), 1.0, True read:", seen)
assert seen == [None, None, "value", None]
PYTHON
