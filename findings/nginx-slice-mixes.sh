#!/usr/bin/env bash
# nginx 1.22.1: with `slice` a file that has changed is given as half the old one and half the new one, with status 200.
#
# Expected: each slice is a range of one file. nginx's cache keeps Last-Modified, and a cache that puts ranges together has to make sure
#   that they are of one version (RFC 9111, 3.4): by a strong validator, or not at all.
# Seen: only the ETag is compared. If the origin sends none, slices that are cached and slices that are fetched now make up one answer, though
#   their Last-Modified and the total in Content-Range differ; it has the old one's length and Last-Modified, and of a longer new file
#   the rest is missing. If it sends one, the connection is closed without an answer, again and again until the old slices expire.
# Who meets it: large files behind the documentation's example for slice, replaced under the same name, from an origin without ETags (a
#   program that sends files, nginx itself with `etag off`): a video or archive of two versions, for as long as the slices live.
# Instead: another name for each version; proxy_cache_key with what tells the version; an origin with ETags and a purge when a file changes.
source "$(dirname "$0")/lib.bash"

start_nginx <<'CONF'
    location /files/ {
      slice 1k;
      proxy_cache_key $uri$slice_range;
      proxy_set_header Range $slice_range;
      proxy_cache_valid 200 206 1h;
      proxy_pass http://127.0.0.1:ORIGIN;
    }
CONF
python_run "$origin" "$port" <<'PYTHON'
import re, sys, threading
from http.client import HTTPConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

file = {}


class Ranges(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = file["content"]
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        part = content[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        self.send_header(*file["version"])
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ranges)
threading.Thread(target=server.serve_forever, daemon=True).start()


def get(name, headers={}):
    connection = HTTPConnection("127.0.0.1", int(sys.argv[2]), timeout=30)
    connection.request("GET", f"/files/{name}", headers=headers)
    try:
        answer = connection.getresponse()
    except RemoteDisconnected:
        return "no answer"
    body = answer.read()
    return answer.status, body.count(b"a"), body.count(b"b"), answer.headers["Last-Modified"]


old, new = "Thu, 01 Jan 2026 00:00:00 GMT", "Fri, 02 Jan 2026 00:00:00 GMT"
for size in (2048, 3000):
    file.update(content=b"a" * 2048, version=("Last-Modified", old))
    get(f"film{size}", {"Range": "bytes=0-99"})  # a player that looks at the beginning
    file.update(content=b"b" * size, version=("Last-Modified", new))
    seen = get(f"film{size}")
    print(f"2048 bytes a, replaced by {size} bytes b: status {seen[0]}, {seen[1]} bytes a, {seen[2]} bytes b, Last-Modified {seen[3]}")
    assert seen == (200, 1024, 1024, old)

file.update(content=b"a" * 2048, version=("ETag", '"old"'))
get("tagged", {"Range": "bytes=0-99"})
file.update(content=b"b" * 2048, version=("ETag", '"new"'))
seen = [get("tagged") for _ in range(3)]
print("with ETags, three times:", seen)
assert seen == ["no answer"] * 3
PYTHON
