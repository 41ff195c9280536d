#!/usr/bin/env bash
# HAProxy 2.6.12 and Apache 2.4.68: an answer with `Cache-Control: public, max-age=60` isn't cached if it has `Pragma: no-cache`,
# too.
#
# Expected: RFC 9111, 5.4: Pragma is a field of requests, and not specified in answers; where Cache-Control is present it
#   is ignored.
# Seen: HAProxy and mod_cache pass such an answer on and keep nothing, in whichever order the lines come. nginx keeps it
#   (so do Squid 5.7 and Varnish 7.1, which aren't run here).
# Who meets it: PHP's session_start() sends `Pragma: no-cache` of its own; a page that then sets Cache-Control is cached by one proxy
#   and never by the other. No proxy says why.
# Instead: header_remove('Pragma'), or session_cache_limiter('').
source "$(dirname "$0")/lib.bash"

cat > "$tmp/pragma.py" <<'PYTHON'
import sys
from origin import Origin, fetch

lifetime, pragma = ("Cache-Control", "public, max-age=60"), ("Pragma", "no-cache")
paths = {"/plain": [lifetime], "/pragma-last": [lifetime, pragma], "/pragma-first": [pragma, lifetime]}
answers = {f"/{name}{path}": [(200, headers)] for name in ("HAProxy", "Apache", "nginx") for path, headers in paths.items()}
origin = Origin(sys.argv[1], answers)
for name, port in zip(("HAProxy", "Apache", "nginx"), sys.argv[2:]):
    for path in paths:
        fetch(port, f"/{name}{path}"), fetch(port, f"/{name}{path}")
        kept = origin.asked[f"/{name}{path}"] == 1
        print(name, path, "is kept" if kept else "isn't kept")
        assert kept == (path == "/plain" or name == "nginx")
PYTHON
start_haproxy
haproxy=$port
start_apache
apache=$port
start_nginx < /dev/null
python_run "$origin" "$haproxy" "$apache" "$port" < "$tmp/pragma.py"
