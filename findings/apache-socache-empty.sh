#!/usr/bin/env bash
# Apache 2.4.68, mod_cache_socache: once the origin has said 304 for a stale page, it is an empty page for whoever asks next.
#
# Expected: its documentation: mod_cache_socache does what mod_cache_disk does, in shared memory, memcached or Redis. A 304 makes
#   the stored page fresh again, as on disk.
# Seen: whose request the revalidation was gets the whole page. What is stored afterwards is the new head without the body: each
#   following one gets status 200 with an empty body, until it is stale again. With mod_cache_disk all is well.
# Who meets it: whoever moves the cache from disk to shared memory, memcached or Redis, with an origin that knows ETag or
#   Last-Modified: the page is there, then half of the time it isn't, with nothing in the log.
# Instead: mod_cache_disk (on a tmpfs); or the origin's validators unset, so that it is fetched whole.
source "$(dirname "$0")/lib.bash"

cat > "$tmp/revalidated.py" <<'PYTHON'
import sys, time
from origin import Origin, fetch

class Answers(list):
    """A page, whose further answers are 304."""

    def __len__(self):
        return 1 << 30

    def __getitem__(self, index):
        return (304 if index else 200), [("ETag", '"a"'), ("Cache-Control", "max-age=2")]

_, origin, port, kind, expected = sys.argv
origin = Origin(origin, {f"/{kind}": Answers()})
seen = [fetch(port, f"/{kind}")]
time.sleep(3.1)
seen += [fetch(port, f"/{kind}") for _ in range(3)]
for name, (status, body, headers) in zip(("fetched", "revalidated", "hit", "hit"), seen):
    print(f"{kind}, {name}: {status}, body {body!r}, Content-Length {headers['Content-Length']}")
assert origin.asked[f"/{kind}"] == 2 and [status for status, *_ in seen] == [200] * 4
assert [body for _, body, _ in seen] == ["1", "1", expected, expected]
PYTHON
start_apache
python_run "$origin" "$port" disk 1 < "$tmp/revalidated.py"
start_apache socache
python_run "$origin" "$port" socache '' < "$tmp/revalidated.py"
