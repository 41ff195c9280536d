#!/usr/bin/env bash
# acachecontrol 0.3.7: two requests that differ in `params=` share an answer.
#
# Expected: the class is used as aiohttp's ClientSession is, and hands `params` on to it, where they are the URL's query.
# Seen: the key is the method and the text of the URL as it was given. get(url, params={"page": 1}) and params={"page": 2} are
#   one entry: the second caller gets the first page, with status 200. With the query in the text of the URL both are asked
#   for.
# Who meets it: search and paging, user ids as parameters: everybody gets what the first one asked for.
# Instead: str(yarl.URL(url).with_query(params)) as the URL.
source "$(dirname "$0")/lib.bash"

python_packages acachecontrol==0.3.7 aiohttp==3.14.5 yarl==1.25.1
python_run <<'PYTHON'
import asyncio

from acachecontrol import AsyncCache, AsyncCacheControl
from aiohttp import ClientSession, web
from yarl import URL

async def page(request):
    return web.Response(text=f"page {request.query['page']}", headers={"cache-control": "max-age=60"})

async def main():
    app = web.Application()
    app.router.add_get("/search", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/search"

    async def read(session, address, **more):
        async with session.get(address, **more) as answer:
            return await answer.text()

    pages = ({"page": "1"}, {"page": "2"})
    async with ClientSession() as plain:
        without = [await read(plain, url, params=query) for query in pages]
    async with AsyncCacheControl(cache=AsyncCache()) as cached:
        params = [await read(cached, url, params=query) for query in pages]
        text = [await read(cached, str(URL(url).with_query(query))) for query in pages]
    print("ClientSession:", without, "| AsyncCacheControl, params=:", params, "| in the URL's text:", text)
    assert without == text == ["page 1", "page 2"] and params == ["page 1", "page 1"]
    await runner.cleanup()

asyncio.run(main())
PYTHON
