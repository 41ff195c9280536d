#!/usr/bin/env bash
# aiohttp-client-cache 0.15.0 with cache_control=True: `no-cache`, `Expires` in the past, Age and Vary don't count.
#
# Expected: its documentation: with cache_control the headers of request and response are used to set the expiration. RFC 9111:
#   no-cache isn't used without asking the server, a date in the past is stale, Age is subtracted, Vary names what else belongs
#   to the key.
# Seen: max-age and no-store are followed. An answer with no-cache, or with Expires in 1970, is a hit. So is one with Age: 100 and
#   max-age=60. With `Vary: Accept-Language` the English reader gets the German page.
# Who meets it: APIs that say "may be stored, ask each time", which is what no-cache means; what is behind a CDN, which sends Age.
# Instead: urls_expire_after={address: DO_NOT_CACHE} for such addresses; include_headers=True for Vary.
source "$(dirname "$0")/lib.bash"

python_packages aiohttp-client-cache==0.15.0 aiohttp==3.14.5
python_run <<'PYTHON'
import asyncio, itertools
from aiohttp import web
from aiohttp_client_cache import CachedSession, CacheBackend

number = itertools.count(1)

async def answer(request):
    return web.Response(text=f"answer {next(number)}", headers=dict(request.query))

async def main():
    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
    base = "http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]
    seen = {}

    async def twice(name, headers, languages=("de", "de"), **options):
        async with CachedSession(cache=CacheBackend(cache_control=True, expire_after=3600, **options)) as session:
            for language in languages:
                async with session.get(f"{base}/{name}", params=headers, headers={"Accept-Language": language}) as response:
                    await response.text()
        seen[name] = response.from_cache

    await twice("max-age=60", {"Cache-Control": "max-age=60"})
    await twice("no-store", {"Cache-Control": "no-store"})
    await twice("max-age=0", {"Cache-Control": "max-age=0"})
    await twice("no-cache", {"Cache-Control": "no-cache"})
    await twice("Expires 1970", {"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"})
    await twice("Age 100, max-age=60", {"Cache-Control": "max-age=60", "Age": "100"})
    vary = {"Cache-Control": "max-age=60", "Vary": "Accept-Language"}
    await twice("Vary, another language", vary, ("de", "en"))
    await twice("Vary, include_headers", vary, ("de", "en"), include_headers=True)
    await runner.cleanup()
    print("a second request is answered from the cache:", seen)
    assert list(seen.values()) == [True, False, False, True, True, True, True, False], seen

asyncio.run(main())
PYTHON
