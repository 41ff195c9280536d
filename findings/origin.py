"""An origin for what is said of HTTP caches, and requests to the cache in front of it."""

import threading
import time
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Origin:
    """Answers path P by `answers[P]`, a list of (status, headers) or (status, headers, seconds to wait), the last one
    again and again. The body is how often P was asked for, which `asked[P]` tells, too."""

    def __init__(self, port, answers):
        self.answers, self.asked, self.lock = answers, {}, threading.Lock()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                answer, number = origin.next(self.path)
                status, headers, seconds = (*answer, 0)[:3]
                time.sleep(seconds)
                body = str(number).encode() if status != 304 else b""
                self.send_response_only(status)
                self.send_header("Date", http_date())
                for name, value in headers:
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 100

            def handle_error(self, *_):
                """A cache may close the connection whenever it likes."""

        threading.Thread(target=Server(("127.0.0.1", int(port)), Handler).serve_forever, daemon=True).start()

    def next(self, path):
        with self.lock:
            number = self.asked[path] = self.asked.get(path, 0) + 1
        return self.answers[path][min(number, len(self.answers[path])) - 1], number


def http_date(seconds=0):
    """`seconds` from now, as HTTP writes it."""
    return formatdate(time.time() + seconds, usegmt=True)


def fetch(port, path, headers=(), connection=None, method="GET"):
    """(status, body, headers) of a request, on a connection of its own if none is given. But for a GET it has a body."""
    used = connection or HTTPConnection("127.0.0.1", int(port), timeout=30)
    used.request(method, path, body=None if method == "GET" else "body", headers=dict(headers))
    answer = used.getresponse()
    body = answer.read().decode()
    if not connection:
        used.close()
    return answer.status, body, answer.headers
