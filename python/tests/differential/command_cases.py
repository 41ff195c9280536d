"""What every command answers: the first table of the contract."""

from __future__ import annotations

from .cases import Case, do
from .sides import ALL, MEMCACHED, MEMORY, REDIS

FRACTIONS = (MEMORY, REDIS)

COMMANDS = [
    Case("add", (do.add("k", "v"), do.get("k"))),
    Case("add on a present key", (do.set("k", "v"), do.add("k", "w"), do.get("k")), text=True),
    Case("add with a ttl", (do.add("k", "v", ttl=100), do.get("k"))),
    Case("add again after a delete", (do.add("k", "v"), do.delete("k"), do.add("k", "w"), do.get("k"))),
    Case(
        "get", (do.set("k", "v"), do.get("k"), do.get("missing"), do.get("missing", default=5), do.get("k", default=5))
    ),
    Case("get with a default in second place", (do.get("missing", "d"),)),
    Case("multi_get", (do.set("a", 1), do.set("b", "2"), do.multi_get(["a", "missing", "b"]))),
    Case("multi_get of a tuple", (do.set("a", 1), do.multi_get(("a", "b")))),
    Case("multi_get of one key", (do.set("a", 1), do.multi_get(["a"]), do.multi_get(["b"]))),
    Case("multi_get of a key twice on memory and Redis", (do.set("a", 1), do.multi_get(["a", "a"])), FRACTIONS),
    Case("multi_get of nothing", (do.multi_get([]),), (MEMORY, MEMCACHED)),
    Case("set", (do.set("k", "v"), do.get("k"), do.set("k", "w"), do.get("k"))),
    Case("set with a ttl", (do.set("k", "v", ttl=100), do.get("k"))),
    Case("set with a ttl of seconds as a float", (do.set("k", "v", ttl=100.5),), FRACTIONS),
    Case("a value goes with its ttl", (do.set("k", "v", ttl=0.05), do.gone("k"), do.get("k")), FRACTIONS),
    Case("a set without a ttl takes the former away", (do.set("k", "v", ttl=100), do.set("k", "w"))),
    Case("multi_set", (do.multi_set([("a", 1), ("b", "x")]), do.multi_get(["a", "b"]))),
    Case("multi_set with a ttl", (do.multi_set([("a", 1), ("b", 2)], ttl=100), do.get("b"))),
    Case("multi_set with a fractional ttl", (do.multi_set([("a", 1)], ttl=100.5), do.get("a")), FRACTIONS),
    Case("multi_set of nothing", (do.multi_set([]),), (MEMORY, MEMCACHED)),
    Case("multi_set of a key twice", (do.multi_set([("a", 1), ("a", 2)]), do.get("a")), FRACTIONS),
    Case("delete", (do.set("k", "v"), do.delete("k"), do.get("k"), do.delete("k"))),
    Case("exists", (do.exists("k"), do.set("k", "v"), do.exists("k"), do.delete("k"), do.exists("k"))),
    Case("increment of a missing key", (do.increment("n"), do.get("n"))),
    Case("increment by more", (do.increment("n", 5), do.increment("n", delta=3), do.increment("n"), do.get("n"))),
    Case("increment below zero", (do.increment("n", -1), do.increment("n", -2), do.increment("n", 5)), FRACTIONS),
    Case("increment of what was set", (do.set("n", 7), do.increment("n"), do.get("n")), FRACTIONS),
    Case("increment of text that is a number", (do.set("n", "5"), do.increment("n")), (MEMORY,)),
    Case("increment of a float", (do.set("n", 1.9), do.increment("n")), (MEMORY,)),
    Case("increment of text", (do.set("n", "x"), do.increment("n"), do.get("n")), FRACTIONS, text=True),
    Case("increment of text on memcached", (do.set("n", "x"), do.increment("n"), do.get("n")), (MEMCACHED,)),
    Case("increment of text with a point", (do.set("n", "1.5"), do.increment("n")), (MEMORY,), text=True),
    Case("increment of None", (do.set("n", None), do.increment("n")), (MEMORY,)),
    Case("increment keeps a ttl", (do.set("n", 1, ttl=100), do.increment("n")), FRACTIONS),
    Case("increment ignores the default ttl", (do.increment("n"),), FRACTIONS, {"ttl": 100}),
    Case("expire", (do.set("k", "v"), do.expire("k", 100), do.get("k"))),
    Case("expire by a keyword", (do.set("k", "v"), do.expire("k", ttl=100))),
    Case("expire of a missing key", (do.expire("k", 100), do.exists("k"))),
    Case("expire with 0 takes the ttl away", (do.set("k", "v", ttl=100), do.expire("k", 0), do.get("k"))),
    Case("expire with 0 where there is no ttl", (do.set("k", "v"), do.expire("k", 0), do.get("k"))),
    Case("expire with a fraction", (do.set("k", "v"), do.expire("k", 0.05), do.gone("k")), (MEMORY,)),
    Case("expire below 0", (do.set("k", "v"), do.expire("k", -1), do.gone("k")), FRACTIONS),
    Case("clear", (do.set("k", "v"), do.set("l", "v"), do.clear(), do.get("k"), do.get("l"))),
    Case(
        "clear of a namespace",
        (
            do.set("k", 1, namespace="a"),
            do.set("k", 2),
            do.clear(namespace="a"),
            do.get("k", namespace="a"),
            do.get("k"),
        ),
        FRACTIONS,
    ),
    Case("clear when there is nothing", (do.clear(),)),
]

RAW = [
    Case("raw get", (do.set("k", "v"), do.raw("get", "k"), do.raw("get", "missing")), FRACTIONS),
    Case(
        "raw keys of a dict",
        (do.set("k", "v"), do.raw("keys"), do.raw("pop", "k"), do.get("k")),
        (MEMORY,),
        store=False,
    ),
    Case(
        "raw methods of a dict",
        (
            do.set("k", 1),
            do.raw("get", "x", 5),
            do.raw("__contains__", "k"),
            do.raw("__len__"),
            do.raw("setdefault", "k", 2),
        ),
        (MEMORY,),
    ),
    Case("raw keys of Redis", (do.set("k", "v"), do.raw("keys", "*"), do.raw("keys", "x*")), (REDIS,)),
    Case("raw mget", (do.set("k", "v"), do.raw("mget", "k", "missing")), (REDIS,)),
    Case(
        "raw commands of Redis",
        (
            do.raw("set", "k", "v"),
            do.raw("exists", "k"),
            do.raw("incr", "n"),
            do.raw("ttl", "n"),
            do.raw("delete", "k"),
        ),
        (REDIS,),
    ),
    Case("raw execute_command", (do.raw("set", "k", "v"), do.raw("execute_command", "GET", "k")), (REDIS,)),
    Case("raw with an encoding", (do.set("k", "v"), do.raw("get", "k", encoding=None)), (REDIS,)),
    Case("raw of memcached", (do.set("k", "v"), do.raw("get", b"k"), do.raw("get", b"missing")), (MEMCACHED,)),
    Case(
        "raw set of memcached",
        (do.raw("set", b"k", b"v"), do.get("k", loads_fn=str), do.raw("delete", b"k")),
        (MEMCACHED,),
    ),
    Case("raw of an unknown command", (do.raw("GIT", "k"),), FRACTIONS),
]

ARGUMENTS = [
    Case("the cache's ttl", (do.set("k", "v"), do.multi_set([("a", 1)]), do.add("b", 1)), FRACTIONS, {"ttl": 100}),
    Case(
        "a call's ttl wins",
        (do.set("k", "v", ttl=None), do.multi_set([("a", 1)], ttl=None), do.add("b", 1, ttl=None)),
        FRACTIONS,
        {"ttl": 100},
    ),
    Case("ttl as text in the constructor", (do.set("k", "v"), do.get("k")), FRACTIONS, {"ttl": "100"}),
    Case("timeout as text in the constructor", (do.set("k", "v"), do.get("k")), ALL, {"timeout": "1.5"}),
    Case("no time limit", (do.set("k", "v", timeout=0), do.get("k", timeout=None), do.exists("k", timeout=0.0))),
    Case(
        "a time limit of each call", (do.set("k", "v", timeout=5), do.get("k", timeout=5.5), do.delete("k", timeout=5))
    ),
    Case(
        "dumps_fn and loads_fn",
        (
            do.set("k", "v", dumps_fn=lambda value: value * 2),
            do.get("k", loads_fn=lambda value: value + "!"),
            do.get("k", loads_fn=str),
        ),
    ),
    Case(
        "dumps_fn of add and multi_set",
        (
            do.add("k", "v", dumps_fn=lambda value: value * 2),
            do.multi_set([("a", "1")], dumps_fn=lambda value: value * 3),
            do.multi_get(["k", "a"], loads_fn=lambda value: value and value + "!"),
        ),
    ),
    Case(
        "loads_fn of a miss", (do.get("k", loads_fn=lambda value: value), do.get("k", 7, loads_fn=lambda value: value))
    ),
    Case("an unknown argument of get", (do.get("k", nonsense=1),)),
    Case("an unknown argument of set", (do.set("k", "v", nonsense=1), do.exists("k"))),
    Case("an unknown argument of multi_get", (do.multi_get(["k"], nonsense=1),)),
    Case("an unknown argument of delete", (do.delete("k", nonsense=1),)),
    Case("an unknown argument of clear", (do.clear(nonsense=1),)),
    Case("too few arguments", (do.get(), do.set("k"), do.add("k"), do.delete(), do.expire("k"), do.multi_get())),
]

DISABLED = [
    Case(f"disabled: {call.command}{call.args[1:]}", (call,), disabled=True)
    for call in (
        do.add("k", "v"),
        do.get("k"),
        do.multi_get(["k", "l"]),
        do.set("k", "v"),
        do.multi_set([("a", 1)]),
        do.delete("k"),
        do.exists("k"),
        do.increment("n"),
        do.increment("n", 5),
        do.expire("k", 1),
        do.clear(),
        do.raw("get", "k"),
    )
]

CASES = [*COMMANDS, *RAW, *ARGUMENTS, *DISABLED]
