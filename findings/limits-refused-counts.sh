#!/usr/bin/env bash
# limits 5.8.0: with the fixed window a refused hit is counted all the same: one that is too large refuses all others until it
# ends.
#
# Expected: hit() consumes the limit and says whether it may; what was refused took nothing, as a transfer of money that isn't
#   covered leaves the account as it was. The two other strategies of the library do so.
# Seen: 5 per minute: after cost=3 a cost=3 is refused, and then a cost=2, which would be exactly the rest, as well. A single
#   cost=6 on a fresh key is refused, and so is each hit of 1 after it. Both on memory, Redis' protocol and memcached.
# Who meets it: costs by size (bytes of an upload, tokens of a prompt): one request above the quota shuts its user out for the
#   window; a change from "moving-window" to "fixed-window" (the default of Flask-Limiter), or of storage to memcached, brings
#   it.
# Instead: test(limit, *key, cost=n) before hit(); the moving window or the sliding window counter.
source "$(dirname "$0")/lib.bash"

start_memcached
memcached_port=$port
start_valkey
python_packages limits==5.8.0 pymemcache==4.0.0 redis==8.1.0
python_run "$port" "$memcached_port" <<'PYTHON'
import sys

from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

limit = parse("5 per hour")
seen = {}
for storage in ("memory://", f"redis://127.0.0.1:{sys.argv[1]}", f"memcached://127.0.0.1:{sys.argv[2]}"):
    for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
        if storage.startswith("memcached") and strategy is MovingWindowRateLimiter:
            continue  # that one isn't made for memcached, and says so
        limiter = strategy(storage_from_string(storage))
        rest = [limiter.hit(limit, strategy.__name__, "rest", cost=cost) for cost in (3, 3, 2)]
        large = [limiter.hit(limit, strategy.__name__, "large", cost=cost) for cost in (6, 1, 1)]
        print(f"{storage.split(':')[0]}, {strategy.__name__}: costs 3, 3, 2 of 5: {rest}; costs 6, 1, 1: {large}")
        fixed = strategy is FixedWindowRateLimiter
        assert rest == ([True, False, False] if fixed else [True, False, True])
        assert large == ([False, False, False] if fixed else [False, True, True])
PYTHON
