#!/usr/bin/env bash
# hishel 2.0.0: CacheClient() no longer follows RFC 9111: it keeps no-store responses and mixes those that Vary.
#
# Expected: up to version 1 (tried with 1.4.0) hishel's clients followed the HTTP caching specification without being
#   told to, which is what it is known for.
# Seen: since 2.0.0 that is an option, rfc=True (README: "Optionally follow the latest HTTP caching specification").
#   Without it every 200 of a GET is kept without an end: `no-store`, `private`, `max-age=0`; Vary and the request's
#   Cache-Control are ignored, so the answer in one language is given for another.
# Who meets it: whoever upgrades, or follows an example of version 1; nothing fails.
# Instead: CacheClient(rfc=True).
source "$(dirname "$0")/lib.bash"

python_packages hishel==2.0.0 httpx==0.28.1
python_run "$tmp" <<'PYTHON'
import http.server, sys, threading
import hishel
from hishel.httpx import CacheClient

class Headers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self):
        Headers.answered += 1
        body = f"{Headers.answered} in {self.headers['Accept-Language']}".encode()
        self.send_response(200)
        self.send_header("Cache-Control", "no-store" if self.path == "/no-store" else "max-age=60")
        self.send_header("Vary", "Accept-Language")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Headers)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
seen = {}
for rfc in (False, True):
    options = {"rfc": True} if rfc else {}
    client = CacheClient(storage=hishel.SqliteStorage(database_path=f"{sys.argv[1]}/{rfc}.db"), **options)
    read = lambda path, language: client.get(base + path, headers={"Accept-Language": language}).text
    english, german = read("/page", "en"), read("/page", "de")
    first, second = read("/no-store", "en"), read("/no-store", "en")
    seen[rfc] = german.split()[-1], first == second
    print(f"{'rfc=True' if rfc else 'default'}: asked for de, got {german!r}; no-store is read again from the cache: {first == second}")
assert seen == {False: ("en", True), True: ("de", False)}, seen
PYTHON
