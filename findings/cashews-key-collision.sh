#!/usr/bin/env bash
# cashews 7.6.0: the default key of a cached function is the same for different arguments, which then get each other's
# result.
#
# Expected: its README (Template Keys): by default a key is made of the function's name, the module's name and the
#   parameters. One takes different parameters to have different keys.
# Seen: values are put into `module.name:a:{a}:b:{b}` as text without quoting, and the text of None is empty. None and
#   "", 1 and "1", b"x" and "x", [1] and "1" share one entry, and so do f("1:b:2", "3") and f("1", "2:b:3").
# Who meets it: ids that come as text from a URL here and as integers from a database there; any free text from users
#   that may hold a colon: they get what was computed for somebody else.
# Instead: a key template that hashes what is free text (`{a:hash(sha1)}`), and one type for an argument.
source "$(dirname "$0")/lib.bash"

python_packages cashews==7.6.0
python_run <<'PYTHON'
import asyncio
from cashews import Cache

cache = Cache()
cache.setup("mem://")

@cache(ttl=60)
async def one(a):
    return f"result of {a!r}"

@cache(ttl=60)
async def two(a, b):
    return f"result of {a!r}, {b!r}"

async def main():
    for first, second in ((None, ""), (1, "1"), (b"x", "x"), ([2], "2")):
        seen = await one(first), await one(second)
        print(f"one({first!r}) = {seen[0]}; one({second!r}) = {seen[1]}")
        assert seen[0] == seen[1], seen
    seen = await two("1:b:2", "3"), await two("1", "2:b:3")
    print(f"two('1:b:2', '3') = {seen[0]}; two('1', '2:b:3') = {seen[1]}")
    assert seen[0] == seen[1], seen

asyncio.run(main())
PYTHON
