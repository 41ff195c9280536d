#!/usr/bin/env bash
# requests-cache 1.3.3: URLs that differ by the order of a repeated parameter, or by an empty one, share an entry.
#
# Expected: its documentation says that requests are normalized, so that the same request written in another way
#   matches. The order of different parameters is the known example.
# Seen: ?a=1&a=2 and ?a=2&a=1 share an entry, and so do ?a=&b=2 and ?b=2: the second URL gets the first one's response.
#   A #fragment, which isn't even sent, makes another entry.
# Who meets it: APIs in which the order matters (?sort=name&sort=age) or an empty parameter says something (?filter=).
# Instead: a key_fn of your own.
source "$(dirname "$0")/lib.bash"

python_packages requests-cache==1.3.3 requests==2.32.5
python_run <<'PYTHON'
import http.server, threading
import requests_cache

class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
session = requests_cache.CachedSession(backend="memory")
for first, second, shared in (("/?a=1&a=2", "/?a=2&a=1", True), ("/p?a=&b=2", "/p?b=2", True), ("/q?a=1", "/q?a=1#part", False)):
    session.get(base + first)
    answer = session.get(base + second)
    print(f"after {first}, {second} reads {answer.text!r}, from the cache: {answer.from_cache}")
    assert answer.from_cache is shared and answer.text == (first if shared else "/q?a=1")
PYTHON
