#!/usr/bin/env bash
# http-cache-semantics 4.3.0 (npm) and CacheControl 0.14.4 (PyPI): `No-Store` and `MAX-AGE` in capitals are not recognized.
#
# Expected: RFC 9111, 5.2: the names of cache directives are "compared case-insensitively".
# Seen: http-cache-semantics stores and reuses a response of `No-Store, max-age=60`, as if only max-age were there;
#   `MAX-AGE=60` counts as nothing. CacheControl does the same.
# Who meets it: servers and proxies that write `No-Cache` and `Private`, which browsers understand.
# Instead: lower-case letters from servers of your own; lower the header before the policy sees it.
source "$(dirname "$0")/lib.bash"

node_packages http-cache-semantics@4.3.0
python_packages CacheControl==0.14.4 requests==2.32.5
node_run <<'NODE'
import assert from 'node:assert'
import CachePolicy from 'http-cache-semantics'

const request = { url: '/', method: 'GET', headers: {} }
const reused = (header) => {
  const policy = new CachePolicy(request, { status: 200, headers: { 'cache-control': header } })
  return policy.storable() && policy.satisfiesWithoutRevalidation(request)
}
for (const [header, expected] of [['no-store, max-age=60', false], ['No-Store, max-age=60', true], ['max-age=60', true], ['MAX-AGE=60', false]]) {
  console.log('http-cache-semantics:', header, '| reused:', reused(header))
  assert.equal(reused(header), expected)
}
NODE
python_run <<'PYTHON'
import http.server, threading
import requests
from cachecontrol import CacheControl

headers = ["no-store, max-age=60", "No-Store, max-age=60", "max-age=60", "MAX-AGE=60"]

class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self):
        Server.answered += 1
        self.send_response(200)
        self.send_header("Cache-Control", headers[int(self.path[1:])])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
session = CacheControl(requests.Session())
for number, expected in enumerate((False, True, True, False)):
    before = Server.answered
    for _ in range(2):
        session.get(f"http://127.0.0.1:{server.server_port}/{number}")
    reused = Server.answered == before + 1
    print("CacheControl:", headers[number], "| reused:", reused)
    assert reused is expected
PYTHON
