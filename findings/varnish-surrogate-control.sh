#!/usr/bin/env bash
# Varnish 7.1.1: a page that says `no-store` or `private` is kept for two minutes if it has a Surrogate-Control header, too.
#
# Expected: Cache-Control: no-store (no-cache, private) is heeded. Surrogate-Control is for the cache only where it says something of
#   keeping; `content="ESI/1.0"` merely says that the page has ESI tags in it.
# Seen: the built-in VCL looks at Cache-Control only if there is no Surrogate-Control at all, whatever that says. The page gets the
#   lifetime of its max-age, or the default_ttl of 120 s if it has none: each reader gets the first one's.
# Who meets it: a page with ESI includes, for which frameworks add `Surrogate-Control: content="ESI/1.0"`, while their default for a
#   page that nobody has thought of is `no-cache, private`.
# Instead: in vcl_backend_response, after do_esi: unset beresp.http.Surrogate-Control; which is run here, too.
source "$(dirname "$0")/lib.bash"

start_varnish < /dev/null
plain=$port
start_varnish <<'VCL'
sub vcl_backend_response {
  if (beresp.http.Surrogate-Control ~ "ESI/1.0") {
    set beresp.do_esi = true;
    unset beresp.http.Surrogate-Control;
  }
}
VCL
python_run "$origin" "$plain" "$port" <<'PYTHON'
import sys
from origin import Origin, fetch

esi = ("Surrogate-Control", 'content="ESI/1.0"')
pages = {
    "/no-store": [("Cache-Control", "no-store")],
    "/private": [("Cache-Control", "no-cache, private")],
    "/no-store-esi": [("Cache-Control", "no-store"), esi],
    "/private-esi": [("Cache-Control", "no-cache, private"), esi],
}
plain, unsetting = sys.argv[2:]
origin = Origin(sys.argv[1], {f"{path}/{port}": [(200, headers)] for path, headers in pages.items() for port in (plain, unsetting)})
for port in (plain, unsetting):
    for path, headers in pages.items():
        fetch(port, f"{path}/{port}")
        headers_seen = fetch(port, f"{path}/{port}")[2]
        kept = origin.asked[f"{path}/{port}"] == 1
        print("by default" if port == plain else "with unset", dict(headers), "is kept" if kept else "isn't kept")
        assert kept == (port == plain and esi in headers)
PYTHON
