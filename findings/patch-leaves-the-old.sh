#!/usr/bin/env bash
# Apache 2.4.68 and Apache Traffic Server 9.2.5: a PUT, POST or DELETE throws the cached page away, a PATCH doesn't.
#
# Expected: RFC 9111, 4.4: a cache must invalidate the URI after a successful answer to an unsafe method; a method that it doesn't
#   know counts as unsafe. So whoever has seen that a PUT does it, relies on a PATCH.
# Seen: after the other three the next GET asks the origin. After a PATCH it gets what was before it, until max-age is over.
#   HAProxy, which is run beside them, heeds PATCH, too (so does Squid 5.7; nginx and Varnish invalidate after none).
# Who meets it: an API with a proxy of one's own in front, whose clients change by PATCH and read again: the change seems lost.
# Instead: POST or PUT for changes, or an empty POST after it; no-cache with an ETag for what is changed.
source "$(dirname "$0")/lib.bash"

cat > "$tmp/patch.py" <<'PYTHON'
import sys
from origin import Origin, fetch

methods = ["POST", "PUT", "DELETE", "PATCH"]
names = ["Apache", "Traffic Server", "HAProxy"]
page = [(200, [("Cache-Control", "max-age=60")])]
origin = Origin(sys.argv[1], {f"/{name.replace(' ', '-')}/{method}": page for name in names for method in methods})
for name, port in zip(names, sys.argv[2:]):
    for method in methods:
        path = f"/{name.replace(' ', '-')}/{method}"
        while len({fetch(port, path)[1] for _ in range(3)}) > 1:  # until it is in the cache
            pass
        cached = origin.asked[path]
        assert fetch(port, path, method=method)[:2] == (200, str(cached + 1))
        invalidated = fetch(port, path)[1] == str(cached + 2)
        print(f"{name}: a {method}", "throws the page away" if invalidated else "leaves the page")
        assert invalidated == (method != "PATCH" or name == "HAProxy")
PYTHON
start_apache
apache=$port
start_traffic_server
traffic=$port
start_haproxy
python_run "$origin" "$apache" "$traffic" "$port" < "$tmp/patch.py"
