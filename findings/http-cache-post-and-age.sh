#!/usr/bin/env bash
# CacheControl 0.14.4 and requests-cache 1.3.3 (cache_control=True): a POST doesn't invalidate, and Age isn't
# subtracted.
#
# Expected: RFC 9111, 4.4: a cache MUST invalidate the target URI when an unsafe method succeeds, 4.2.3: the Age header
#   is part of a response's age. CacheControl is "a port of the caching algorithms in httplib2", requests-cache's
#   cache_control=True follows response headers.
# Seen: GET, POST, GET: the second GET is the old response in both. CacheControl does invalidate on PUT and DELETE,
#   requests-cache on neither. A response of max-age=60 that comes through a CDN with Age: 70 is taken as fresh for
#   another 60 s.
# Who meets it: a form that is posted and read again; every client behind a CDN: staleness of both caches adds up.
# Instead: delete the URL's entry after a write (session.cache.delete(urls=[...])), and a shorter max-age behind a CDN.
source "$(dirname "$0")/lib.bash"

python_packages CacheControl==0.14.4 requests-cache==1.3.3 requests==2.32.5
python_run <<'PYTHON'
import http.server, threading
import requests, requests_cache
from cachecontrol import CacheControl

class Counter(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self):
        Counter.answered += 1
        body = str(Counter.answered).encode()
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=60")
        if self.path.startswith("/aged"):
            self.send_header("Age", "70")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counter)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
sessions = {
    "CacheControl": CacheControl(requests.Session()),
    "requests-cache": requests_cache.CachedSession(backend="memory", cache_control=True),
}
for name, session in sessions.items():
    kept = {}
    for method in ("post", "put", "delete"):
        url = f"{base}/{method}"
        before = session.get(url).text
        getattr(session, method)(url)
        kept[method] = session.get(url).text == before
    aged = session.get(base + "/aged").text == session.get(base + "/aged").text
    print(f"{name}: the old response is read after {kept}; one of Age 70 and max-age 60 is read again: {aged}")
    assert kept == {"post": True, "put": name == "requests-cache", "delete": name == "requests-cache"} and aged
PYTHON
