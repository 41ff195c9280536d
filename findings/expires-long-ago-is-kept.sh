#!/usr/bin/env bash
# Varnish 7.1.1, HAProxy 2.6.12: a page whose Expires is 0, -1 or the first second of 1970 is cached by the one, a page of 1900 by the other.
#
# Expected: RFC 9111, 5.3: a cache must take what is no date, "especially the value 0", for a time in the past, that is, for expired; 1970 and
#   1900 are in the past. nginx, Apache and Traffic Server do so for all of them.
# Seen: Varnish takes "0", "-1", "now" and "Thu, 01 Jan 1970 00:00:00 GMT" as if there were no Expires, and keeps the page for its default
#   of two minutes, also beside `Pragma: no-cache`, `Cache-Control: public` or `must-revalidate`. One second later, 00:00:01, it doesn't.
#   HAProxy keeps what expired before 1970.
# Who meets it: the ways by which frameworks say that a page is not to be cached: Java's setDateHeader("Expires", 0), `Expires: -1` and
#   `Pragma: no-cache` of older servers. Behind another cache they worked for years; here one user's page is given to the next.
# Instead: Cache-Control: no-store, which all know; in Varnish a line in vcl_backend_response, as the last server here has.
source "$(dirname "$0")/lib.bash"

origin=$(free_port)
start_varnish < /dev/null
ports=varnish=$port
start_varnish <<'VCL'
sub vcl_backend_response {
  if (beresp.http.Expires && beresp.http.Expires !~ " (197[1-9]|19[89][0-9]|[2-9][0-9][0-9][0-9]) " && beresp.http.Cache-Control !~ "max-age") { set beresp.uncacheable = true; }
}
VCL
mended=$port
start_haproxy
ports+=" haproxy=$port"
start_nginx < /dev/null
ports+=" nginx=$port"
start_apache
ports+=" apache=$port"
start_traffic_server
ports+=" traffic_server=$port varnish_with_a_line=$mended"
python_run "$origin" $ports <<'PYTHON'
import sys
from origin import Origin, fetch

epoch = "Thu, 01 Jan 1970 00:00:00 GMT"
pages = {
    "zero": [("Expires", "0")],
    "minus-one": [("Expires", "-1")],
    "epoch": [("Expires", epoch)],
    "minus-one-and-pragma": [("Expires", "-1"), ("Pragma", "no-cache")],
    "epoch-and-public": [("Expires", epoch), ("Cache-Control", "public")],
    "epoch-and-must-revalidate": [("Expires", epoch), ("Cache-Control", "must-revalidate")],
    "a-second-later": [("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")],
    "1969": [("Expires", "Wed, 31 Dec 1969 23:59:59 GMT")],
    "1900": [("Expires", "Mon, 01 Jan 1900 00:00:00 GMT")],
    "no-store": [("Expires", epoch), ("Cache-Control", "no-store")],
}
ports = dict(argument.split("=") for argument in sys.argv[2:])
origin = Origin(sys.argv[1], {f"/{name}/{page}": [(200, headers)] for name in ports for page, headers in pages.items()})
kept = {}
for name, port in ports.items():
    for page in pages:
        for _ in range(3):
            fetch(port, f"/{name}/{page}")
    kept[name] = [page for page in pages if origin.asked[f"/{name}/{page}"] == 1]
    print(name, "keeps", kept[name])
assert kept.pop("varnish") == list(pages)[:6]
assert kept.pop("haproxy") == ["1969", "1900"]
assert not any(kept.values())
PYTHON
