#!/usr/bin/env bash
# Varnish 7.1.1: within its grace a stale page survives a dead backend, but not one that answers 503.
#
# Expected: grace (10 s by default, here 300 s by stale-while-revalidate) is for delivering the stale page while the backend is in
#   trouble. A 503 is such trouble, as a refused or broken connection is.
# Seen: if the connection breaks each request gets the stale page and starts another try in the background. If the backend says
#   503 (500, 404, a redirect to a login) the first request gets the stale page, and that answer replaces it: all following ones
#   get the 503, until the backend is well again. stale-if-error changes nothing.
# Who meets it: an application behind a load balancer, which says 503 for it: the grace that was tried out by stopping the process
#   doesn't help when it matters.
# Instead: in vcl_backend_response: if (beresp.status >= 500 && bereq.is_bgfetch) { return (abandon); } which is run here, too.
# Needed besides: a C compiler, as varnishd itself needs it.
source "$(dirname "$0")/lib.bash"

start_varnish < /dev/null
plain=$port
start_varnish <<'VCL'
sub vcl_backend_response {
  if (beresp.status >= 500 && bereq.is_bgfetch) { return (abandon); }
}
VCL
python_run "$origin" "$plain" "$port" <<'PYTHON'
import sys, time
from origin import Origin, fetch

headers = [("Cache-Control", "max-age=1, stale-while-revalidate=300, stale-if-error=300")]

class Broken(list):
    """A page, and after it a connection that ends without an answer."""

    def __len__(self):
        return 1 << 30

    def __getitem__(self, index):
        if index:
            raise ConnectionResetError
        return 200, headers

page = (200, headers)
answers = {}
for port in sys.argv[2:]:
    answers |= {f"/503/{port}": [page, (503, [])], f"/302/{port}": [page, (302, [("Location", "/login")])], f"/broken/{port}": Broken()}
Origin(sys.argv[1], answers)

def seen(path, port):
    fetch(port, f"{path}/{port}")
    time.sleep(1.5)
    statuses = []
    for _ in range(4):
        statuses.append(fetch(port, f"{path}/{port}")[0])
        time.sleep(0.4)
    return statuses

plain, abandons = sys.argv[2:]
for path, port, expected in [
    ("/broken", plain, [200] * 4),
    ("/503", plain, [200, 503, 503, 503]),
    ("/302", plain, [200, 302, 302, 302]),
    ("/503", abandons, [200] * 4),
]:
    statuses = seen(path, port)
    print(path, "with abandon" if port == abandons else "by default", "the stale page's time:", *statuses)
    assert statuses == expected
PYTHON
