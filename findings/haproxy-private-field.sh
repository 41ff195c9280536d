#!/usr/bin/env bash
# HAProxy 2.6.12: with `private="X-User"` a page is cached together with that header, and everybody gets the first user's.
#
# Expected: RFC 9111, 5.2.2.7 and 5.2.2.4: with a list of fields, private and no-cache are about these fields: a shared cache doesn't store
#   those of `private`, and may not give those of `no-cache` without asking. Whoever doesn't know the form may take it as plain
#   `private`. Apache leaves the fields out; nginx, Varnish and Traffic Server don't cache the page.
# Seen: HAProxy caches the page and gives all of it, the listed fields too: the first one's X-User, or with private="Set-Cookie" the first
#   one's cookie. So with no-cache="X-User". It knows the plain words, and no-cache="Set-Cookie" alone.
# Who meets it: applications that mark the personal part of a page's headers in this way, as the RFC tells them to: a user has another's
#   session.
# Instead: http-response cache-store only for paths without such headers, or Cache-Control: private.
source "$(dirname "$0")/lib.bash"

origin=$(free_port)
start_haproxy
ports=haproxy=$port
start_apache
ports+=" apache=$port"
start_nginx < /dev/null
ports+=" nginx=$port"
start_varnish < /dev/null
ports+=" varnish=$port"
start_traffic_server
ports+=" traffic_server=$port"
python_run "$origin" $ports <<'PYTHON'
import sys
from origin import Origin, fetch

users = "first", "second", "third"
pages = {
    "private-field": ('max-age=60, private="X-User"', "X-User"),
    "no-cache-field": ('max-age=60, no-cache="X-User"', "X-User"),
    "private-cookie": ('max-age=60, private="Set-Cookie"', "Set-Cookie"),
    "no-cache-cookie": ('max-age=60, no-cache="Set-Cookie"', "Set-Cookie"),
    "private": ("max-age=60, private", "X-User"),
}
ports = dict(argument.split("=") for argument in sys.argv[2:])
origin = Origin(sys.argv[1], {
    f"/{name}/{page}": [(200, [("Cache-Control", control), (field, f"user={user}")]) for user in users]
    for name in ports for page, (control, field) in pages.items()
})
mixed = {}
for name, port in ports.items():
    mixed[name] = []
    for page, (_, field) in pages.items():
        seen = [fetch(port, f"/{name}/{page}")[2][field] for _ in users]
        print(f"{name}, {page}: {field} of three requests {seen}")
        if seen == ["user=first"] * 3:
            mixed[name].append(page)
        elif name == "apache" and page != "private":
            assert seen[1:] == [None, None]
        else:
            assert seen == [f"user={user}" for user in users]
assert mixed == {"haproxy": list(pages)[:3], "apache": [], "nginx": [], "varnish": [], "traffic_server": []}
PYTHON
