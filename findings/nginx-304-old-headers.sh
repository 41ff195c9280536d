#!/usr/bin/env bash
# nginx 1.22.1 (1.26.3 too), proxy_cache_revalidate: after a 304 its clients still get the headers of the first answer, such as
# an Expires in the past.
#
# Expected: RFC 9111, 3.2 and 4.3.4: the header fields of a 304 replace those that are stored. So that a page which is
#   revalidated each minute has a Date, an Expires and an ETag of this minute.
# Seen: the 304 makes the element fresh for another while, by its own Cache-Control or Expires, but what is sent to clients are
#   the old header lines, for as long as the origin says 304: Expires is in the past for each hit, an old Cache-Control, an old
#   Content-Security-Policy.
# Who meets it: an origin that sends Expires (as `expires` of nginx itself and mod_expires do, beside max-age): browsers and
#   caches which go by Expires ask each time; and whoever changes a policy or a max-age without the page.
# Instead: max-age without Expires; `proxy_hide_header` and `add_header` for what is to change; without proxy_cache_revalidate.
source "$(dirname "$0")/lib.bash"

start_nginx <<'CONF'
    proxy_cache_revalidate on;
    add_header X-Cache $upstream_cache_status;
CONF
python_run "$origin" "$port" <<'PYTHON'
import sys, time
from email.utils import parsedate_to_datetime
from origin import Origin, fetch, http_date

class Answers(list):
    """A 304 after the first answer, each with an Expires of its own."""

    def __len__(self):
        return 1 << 30

    def __getitem__(self, index):
        headers = [("ETag", '"a"'), ("Expires", http_date(1 if index == 0 else 60)), ("Content-Security-Policy", f"script-src v{index + 1}")]
        return (304 if index else 200), headers

origin = Origin(sys.argv[1], {"/page": Answers()})
fetch(sys.argv[2], "/page")
time.sleep(2.1)
for expected in ("REVALIDATED", "HIT"):
    status, body, headers = fetch(sys.argv[2], "/page")
    left = parsedate_to_datetime(headers["Expires"]).timestamp() - time.time()
    print(status, headers["X-Cache"], headers["Content-Security-Policy"], f"Expires in {left:.0f} s")
    assert (status, headers["X-Cache"], headers["Content-Security-Policy"]) == (200, expected, "script-src v1") and left < 0
assert origin.asked["/page"] == 2
PYTHON
