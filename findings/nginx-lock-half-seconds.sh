#!/usr/bin/env bash
# nginx 1.22.1 (1.26.3 too), proxy_cache_lock: whoever waits for another's request waits half a second, however fast the answer
# was; pages that aren't cached are given out one per half second.
#
# Expected: its documentation: with the lock only one request at a time fills an element, others wait "for a response to appear
#   in the cache". So if that takes 50 ms, all have it after about 50 ms. What can't be cached is answered to all as without
#   the lock.
# Seen: the waiting ones look again each 500 ms only. Ten requests at once for a page that takes 50 ms: one has it after 50 ms,
#   nine after 500. If it isn't cached (no-store, max-age=0, an error without proxy_cache_valid) then at each look only one of
#   them gets the lock: the tenth has its answer after 4.5 s, and each further one waits for proxy_cache_lock_timeout.
# Who meets it: whoever turns the lock on against stampedes, and has pages for logged-in users under the same location.
# Instead: locations of their own, or proxy_no_cache beside proxy_cache_bypass, for what isn't cached; proxy_cache_lock_timeout
#   below 500 ms; use_stale updating, so that only the very first ones wait. (The interval is known: pull request
#   1189 of nginx.)
source "$(dirname "$0")/lib.bash"

start_nginx <<'CONF'
    location /lock/ {
      proxy_pass http://127.0.0.1:ORIGIN;
      proxy_cache_lock on;
    }
CONF
python_run "$origin" "$port" <<'PYTHON'
import sys, time
from concurrent.futures import ThreadPoolExecutor
from origin import Origin, fetch

answers = {
    path: [(status, headers, 0.05)]
    for path, status, headers in [
        ("/cached", 200, [("Cache-Control", "max-age=60")]),
        ("/lock/cached", 200, [("Cache-Control", "max-age=60")]),
        ("/no-store", 200, [("Cache-Control", "no-store")]),
        ("/lock/no-store", 200, [("Cache-Control", "no-store")]),
        ("/lock/error", 500, []),
    ]
}
origin = Origin(sys.argv[1], answers)

def took(path):
    start = time.monotonic()
    fetch(sys.argv[2], path)
    return time.monotonic() - start

seen = {}
for path in answers:
    with ThreadPoolExecutor(10) as pool:
        seen[path] = sorted(pool.map(took, [path] * 10))
    print(path, "asked the origin", origin.asked[path], "times; seconds:", *(f"{each:.2f}" for each in seen[path]))
assert seen["/cached"][-1] < 0.4 and seen["/no-store"][-1] < 0.4
first, *others = seen["/lock/cached"]
assert origin.asked["/lock/cached"] == 1 and first < 0.4 and 0.45 < min(others) and max(others) < 0.9
for path in ("/lock/no-store", "/lock/error"):
    assert origin.asked[path] == 10
    assert all(0.5 * place - 0.05 < each < 0.5 * place + 0.45 for place, each in enumerate(seen[path])), path
PYTHON
