#!/usr/bin/env bash
# nginx 1.22.1, proxy_cache: whether `Expires` in the past beside `Cache-Control: max-age` is cached depends on which line
# comes first. (1.26.3 caches both.)
#
# Expected: RFC 9111, 5.3: a cache must ignore Expires where max-age is given, and the order of different header fields has no
#   meaning. nginx' documentation: Cache-Control and Expires have a higher priority than proxy_cache_valid, no word on an
#   order.
# Seen: with max-age first the answer is cached for 60 s; with `Expires: 0` or a past date first it never is, each request is
#   a MISS. Between max-age and s-maxage the order is without effect, as it should be.
# Who meets it: an application that says "no browser cache, but the proxy may" by a framework that adds Expires first, or
#   behind another proxy that sorts headers: one deployment caches, the other doesn't, with the same headers to the eye.
# Instead: no Expires beside max-age; or `proxy_ignore_headers Expires`.
source "$(dirname "$0")/lib.bash"

start_nginx <<'CONF'
    add_header X-Cache $upstream_cache_status;
    location /ignoring/ {
      proxy_pass http://127.0.0.1:ORIGIN;
      proxy_ignore_headers Expires;
    }
CONF
python_run "$origin" "$port" <<'PYTHON'
import sys
from origin import Origin, fetch

past = "Thu, 01 Jan 1970 00:00:00 GMT"
answers = {
    "/1": [("Cache-Control", "max-age=60"), ("Expires", past)],
    "/2": [("Expires", past), ("Cache-Control", "max-age=60")],
    "/3": [("Cache-Control", "max-age=60"), ("Expires", "0")],
    "/4": [("Expires", "0"), ("Cache-Control", "max-age=60")],
    "/5": [("Cache-Control", "max-age=0, s-maxage=60")],
    "/6": [("Cache-Control", "s-maxage=60, max-age=0")],
    "/ignoring/7": [("Expires", past), ("Cache-Control", "max-age=60")],
}
Origin(sys.argv[1], {path: [(200, headers)] for path, headers in answers.items()})
for path, headers in answers.items():
    seen = [fetch(sys.argv[2], path)[2]["X-Cache"] for _ in range(3)]
    print(path, headers, seen)
    assert seen == (["MISS"] * 3 if path in ("/2", "/4") else ["MISS", "HIT", "HIT"]), path
PYTHON
