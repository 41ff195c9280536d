#!/usr/bin/env bash
# Apache 2.4.68, mod_cache: who asks with an old ETag is sent to the origin, though what is cached is fresh.
#
# Expected: RFC 9111, 4.3.2: a cache with a fresh answer compares If-None-Match with it: 304 if it matches, else the cached answer.
# Seen: if it matches 304; else the origin is asked, and its answer replaces the cached one. The same with an If-Modified-Since
#   that is too old. nginx, HAProxy, Squid and Varnish answer from the cache.
# Who meets it: a page that is cached for an hour and has changed once: until the browsers have the new one each returning
#   visitor costs the origin a request. The cache is least of use after a deployment, when all come with old ETags.
# Instead: CacheQuickHandler off, and `RequestHeader unset ... early` for both conditions; or no validators.
source "$(dirname "$0")/lib.bash"

start_apache
python_run "$origin" "$port" <<'PYTHON'
import sys
from origin import Origin, fetch, http_date

headers = [("Cache-Control", "max-age=3600"), ("ETag", '"new"'), ("Last-Modified", http_date(-1000))]
origin = Origin(sys.argv[1], {"/page": [(200, headers)]})
requests = [
    ({}, 200, 1),
    ({}, 200, 1),
    ({"If-None-Match": '"new"'}, 304, 1),
    ({"If-None-Match": '"old"'}, 200, 2),
    ({"If-None-Match": '"old"'}, 200, 3),
    ({}, 200, 3),
    ({"If-Modified-Since": http_date(-5000)}, 200, 4),
    ({"If-Modified-Since": http_date(-500)}, 304, 4),
]
for sent, status, asked in requests:
    seen = fetch(sys.argv[2], "/page", sent)
    print(sent or "no condition", "->", seen[0], seen[1], "| the origin was asked", origin.asked["/page"], "times")
    assert (seen[0], origin.asked["/page"]) == (status, asked)
PYTHON
