#!/usr/bin/env bash
# nginx 1.22.1 and HAProxy 2.6.12: the Age of an answer that another cache has kept for a while isn't counted, or is taken
# away.
#
# Expected: RFC 9111, 4.2.3 and 5.1: what comes with max-age=60 and Age: 50 is fresh for ten more seconds, and each cache tells
#   its clients the age, so that all caches on the way together keep it for 60 s.
# Seen: nginx doesn't look at Age. It keeps an answer that is 100 s old, 40 s too old, for 60 s more, and sends each client the same
#   `Age: 100`. HAProxy counts the Age for itself, but takes it out of the answer which it stores: whoever asked first keeps that
#   for another 60 s.
# Who meets it: a second cache behind a CDN or another proxy: data is as old as all their lifetimes together; behind nginx a
#   browser gets what is stale already, and asks again and again.
# Instead: X-Accel-Expires from the inner cache to nginx; a short s-maxage for inner and outer caches.
source "$(dirname "$0")/lib.bash"

cat > "$tmp/age.py" <<'PYTHON'
import sys, time
from origin import Origin, fetch

def aged(path, age, lifetime):
    return {path: [(200, [("Cache-Control", f"max-age={lifetime}"), ("Age", str(age))])]}

origin = Origin(sys.argv[1], aged("/haproxy", 50, 60) | aged("/haproxy-old", 100, 60) | aged("/nginx", 100, 60))

def seen(port, path):
    body, headers = fetch(port, path)[1:]
    print(path, "answer", body, "| Age", headers["Age"], "|", headers["Cache-Control"])
    return body, headers["Age"]

haproxy, nginx = sys.argv[2:]
assert seen(haproxy, "/haproxy") == ("1", None) and seen(haproxy, "/haproxy")[1].startswith("5")
assert seen(haproxy, "/haproxy-old")[0] == "1" and seen(haproxy, "/haproxy-old")[0] == "2"
assert seen(nginx, "/nginx") == ("1", "100")
time.sleep(2)
assert seen(nginx, "/nginx") == ("1", "100") and origin.asked["/nginx"] == 1
PYTHON
start_haproxy
haproxy=$port
start_nginx < /dev/null
python_run "$origin" "$haproxy" "$port" < "$tmp/age.py"
