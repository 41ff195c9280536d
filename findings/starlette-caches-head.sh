#!/usr/bin/env bash
# starlette-caches 0.4.1: one HEAD request, and each GET after it is an empty page until the entry's end.
#
# Expected: RFC 9110, 9.3.2: the answer to HEAD has no content and may update what is known of a GET's headers; RFC 9111, 4: a
#   stored answer serves a request only if the method with which it came allows it.
# Seen: HEAD and GET share an entry. After a HEAD of a FileResponse, of StaticFiles or of any handler that sends no body for
#   HEAD, as it should, a GET is a hit with status 200, the file's Content-Length and no content. If a GET comes first, all is
#   right.
# Who meets it: a monitor, a link checker or a chat's preview that asks by HEAD just after the entry's end: everybody has a
#   blank page.
# Instead: let HEAD pass by the middleware; a Route for GET alone takes HEAD as well.
source "$(dirname "$0")/lib.bash"

python_packages starlette-caches==0.4.1 starlette==0.52.1 aiocache==0.12.3 httpx==0.28.1
python_run <<'PYTHON'
import pathlib

from aiocache import Cache
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette_caches.middleware import CacheMiddleware

pathlib.Path("files").mkdir()
pathlib.Path("files/page.html").write_text("<p>hello</p>")

async def file(request):
    return FileResponse("files/page.html")

async def by_hand(request):
    return Response(b"" if request.method == "HEAD" else b"<p>hello</p>", headers={"content-length": "12"})

routes = [Route("/file", file), Route("/by-hand", by_hand), Mount("/static", StaticFiles(directory="files"))]

def look(first, middleware):
    seen = {}
    with TestClient(Starlette(routes=routes, middleware=middleware)) as client:
        for path in ("/file", "/by-hand", "/static/page.html"):
            client.request(first, path)
            answer = client.get(path)
            seen[path] = answer.status_code, answer.headers["content-length"], answer.headers.get("x-cache"), answer.text
    return seen

plain = look("HEAD", [])
after_head, after_get = (look(first, [Middleware(CacheMiddleware, cache=Cache(Cache.MEMORY, ttl=100))]) for first in ("HEAD", "GET"))
print("GET after HEAD, no cache:", plain)
print("GET after HEAD:", after_head)
print("GET after GET:", after_get)
assert all(answer == (200, "12", None, "<p>hello</p>") for answer in plain.values())
assert all(answer == (200, "12", "hit", "") for answer in after_head.values())
assert all(answer[3] == "<p>hello</p>" for answer in after_get.values())
PYTHON
