#!/usr/bin/env bash
# nginx 1.22.1 (1.26.3 too), proxy_cache_background_update: the client whose request starts the update waits for it with its
# next request.
#
# Expected: its documentation: a background subrequest updates an expired item "while a stale cached response is returned to the
#   client". So nobody waits for the origin.
# Seen: the stale answer comes at once. The next request on the same connection, of whatever page, is answered only when the
#   update is done: with an origin that takes 2 s, after 2 s. On another connection it comes at once.
# Who meets it: a browser, or a reverse proxy in front with keep-alive: now and then an image takes as long as the slowest page;
#   a stale page's scripts and styles come late.
# Instead: HTTP/2 to the client, where requests don't queue up behind each other; or refresh from outside, before it is stale.
source "$(dirname "$0")/lib.bash"

start_nginx <<'CONF'
    proxy_cache_use_stale updating;
    proxy_cache_background_update on;
CONF
python_run "$origin" "$port" <<'PYTHON'
import sys, time
from http.client import HTTPConnection
from origin import Origin, fetch

fresh = [("Cache-Control", "max-age=60")]
answers = {"/page": [(200, [("Cache-Control", "max-age=1")]), (200, fresh, 2)], "/image": [(200, fresh)]}
Origin(sys.argv[1], answers)

def took(path, connection=None):
    start = time.monotonic()
    body = fetch(sys.argv[2], path, connection=connection)[1]
    return body, round(time.monotonic() - start, 2)

took("/page"), took("/image")
time.sleep(2.1)
connection = HTTPConnection("127.0.0.1", int(sys.argv[2]), timeout=30)
stale, elsewhere, same, later = took("/page", connection), took("/image"), took("/image", connection), took("/page", connection)
print("(body, seconds): the stale page", stale, "| the image, another connection", elsewhere, "| the same connection", same, "| the page", later)
assert stale[0] == "1" and stale[1] < 0.5 and elsewhere[1] < 0.5
assert same[1] > 1.4 and later == ("2", later[1]) and later[1] < 0.5
PYTHON
