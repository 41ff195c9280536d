#!/usr/bin/env bash
# nginx 1.22.1, proxy_cache: whether `Expires` in the past beside `Cache-Control: max-age` is cached depends on which line
# comes first.
#
# Expected: RFC 9111, 5.3: a cache must ignore Expires where max-age is given, and the order of different header fields has no
#   meaning. nginx' documentation: Cache-Control and Expires have a higher priority than proxy_cache_valid, no word on an
#   order.
# Seen: with max-age first the answer is cached for 60 s; with `Expires: 0` or a past date first it never is, each request is
#   a MISS. Between max-age and s-maxage the order is without effect, as it should be.
# Who meets it: an application that says "no browser cache, but the proxy may" by a framework that adds Expires first, or
#   behind another proxy that sorts headers: one deployment caches, the other doesn't, with the same headers to the eye.
# Instead: no Expires beside max-age; or `proxy_ignore_headers Expires`.
source "$(dirname "$0")/lib.bash"

debian_packages nginx=1.22.1-9+deb12u9
origin=$(free_port)
proxy=$(free_port)
cat > "$tmp/nginx.conf" <<CONF
daemon off;
pid $tmp/nginx.pid;
user $(id -un) $(id -gn);
error_log $tmp/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $tmp/body;
  proxy_temp_path $tmp/proxy;
  fastcgi_temp_path $tmp/fastcgi;
  uwsgi_temp_path $tmp/uwsgi;
  scgi_temp_path $tmp/scgi;
  proxy_cache_path $tmp/cache keys_zone=zone:1m;
  server {
    listen 127.0.0.1:$proxy;
    location / {
      proxy_pass http://127.0.0.1:$origin;
      proxy_cache zone;
      add_header X-Cache \$upstream_cache_status;
    }
    location /ignoring/ {
      proxy_pass http://127.0.0.1:$origin;
      proxy_cache zone;
      proxy_ignore_headers Expires;
      add_header X-Cache \$upstream_cache_status;
    }
  }
}
CONF
"$tmp/deb/usr/sbin/nginx" -c "$tmp/nginx.conf" -p "$tmp" -e "$tmp/nginx.log" 2>/dev/null &
started+=($!)
wait_for_port "$proxy"
python3 - "$origin" "$proxy" <<'PYTHON'
import sys, threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

past = "Thu, 01 Jan 1970 00:00:00 GMT"
answers = {
    "/1": [("Cache-Control", "max-age=60"), ("Expires", past)],
    "/2": [("Expires", past), ("Cache-Control", "max-age=60")],
    "/3": [("Cache-Control", "max-age=60"), ("Expires", "0")],
    "/4": [("Expires", "0"), ("Cache-Control", "max-age=60")],
    "/5": [("Cache-Control", "max-age=0, s-maxage=60")],
    "/6": [("Cache-Control", "s-maxage=60, max-age=0")],
    "/ignoring/7": [("Expires", past), ("Cache-Control", "max-age=60")],
}

class Origin(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        for name, value in answers[self.path]:
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Origin)
threading.Thread(target=server.serve_forever, daemon=True).start()

def status(path):
    connection = HTTPConnection("127.0.0.1", int(sys.argv[2]), timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["X-Cache"]

seen = {}
for path, headers in answers.items():
    seen[path] = [status(path) for _ in range(3)]
    print(path, headers, seen[path])
for path in answers:
    assert seen[path] == (["MISS"] * 3 if path in ("/2", "/4") else ["MISS", "HIT", "HIT"]), path
PYTHON
