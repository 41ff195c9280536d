"""Plugins: the order of hooks, what they are given, and the two that come with the package."""

from __future__ import annotations

from typing import Any

from .scenarios import differs, same
from .sides import ALL, MEMORY, Side

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("set", ("k", 1), {"ttl": 100}),
    ("set", ("k", 1), {}),
    ("get", ("k",), {}),
    ("get", ("missing",), {"default": 5}),
    ("get", ("k",), {"namespace": "", "timeout": 5}),
    ("multi_get", (["k", "l"],), {}),
    ("multi_set", ([("a", 1)],), {}),
    ("add", ("b", 1), {}),
    ("add", ("b", 1), {}),
    ("exists", ("k",), {}),
    ("increment", ("n",), {}),
    ("increment", ("n",), {"delta": 2}),
    ("expire", ("k", 100), {}),
    ("delete", ("k",), {}),
    ("clear", (), {}),
]


def recorder(side: Side, label: str, seen: list[str]) -> Any:
    """A plugin that writes down each hook with its arguments, but for what differs from run to run."""

    def hook(name: str) -> Any:
        async def note(self: Any, cache: Any, *args: Any, **options: Any) -> None:
            took = options.pop("took", None)
            timed = "" if took is None else f" took {type(took).__name__}"
            seen.append(f"{label} {name} {args!r} {sorted(options.items())!r}{timed}")

        return note

    base = side.module("plugins").BasePlugin
    commands = sorted({command for command, _, _ in CALLS} | {"raw"})
    hooks = {f"{when}_{command}": hook(f"{when}_{command}") for command in commands for when in ("pre", "post")}
    return type("Recorder", (base,), hooks)()


@same(*ALL)
async def test_hooks_in_order(side: Side, kind: str) -> None:
    """Every `pre` in the list's order, the command, every `post`; none after an exception."""
    seen: list[str] = []
    cache = side.cache(kind, plugins=[recorder(side, "first", seen), recorder(side, "second", seen)])
    for command, args, options in CALLS:
        await side.do(getattr(cache, command)(*args, **options))
    side.note(seen)


@differs(
    MEMORY,
    theirs=["int 3", "True", "list(str \"only pre_increment ('n', 3) []\", str \"only pre_set ('k', 1, None) []\")"],
    ours=["int 3", "True", "list(str \"only pre_increment ('n',) [('delta', 3)]\", str \"only pre_set ('k', 1) []\")"],
)
async def test_optional_arguments_of_hooks(side: Side, kind: str) -> None:
    """What is optional reaches hooks by its name, however the caller gave it, and not at all if it is None."""
    seen: list[str] = []
    cache = side.cache(kind, plugins=[recorder(side, "only", seen)])
    await side.do(cache.increment("n", 3))
    await side.do(cache.set("k", 1, None))
    side.note([line for line in seen if " pre_" in line])


@same(*ALL)
async def test_hooks_while_disabled(side: Side, kind: str) -> None:
    """What a plugin sees while caches are turned off."""
    from .cases import disabled

    seen: list[str] = []
    cache = side.cache(kind, plugins=[recorder(side, "only", seen)])
    with disabled():
        for command, args, options in CALLS:
            # There the two differ on purpose: a default is what `get` answers.
            if "default" not in options:
                await side.do(getattr(cache, command)(*args, **options))
    side.note(seen)


@same(MEMORY)
async def test_no_post_after_an_exception(side: Side, kind: str) -> None:
    seen: list[str] = []
    cache = side.cache(kind, plugins=[recorder(side, "only", seen)])
    await cache.set("k", "x")
    await side.do(cache.increment("k"), text=True)
    await side.do(cache.add("k", 1), text=True)
    side.note(seen)


@same(*ALL)
async def test_an_exception_of_a_hook(side: Side, kind: str) -> None:
    """It reaches the caller; the command isn't done."""

    class Refuses(side.module("plugins").BasePlugin):  # type: ignore[misc]
        async def pre_set(self, client: Any, *args: Any, **options: Any) -> None:
            raise LookupError("not now")

    cache = side.cache(kind, plugins=[Refuses()])
    await side.do(cache.set("k", 1), text=True)
    await side.do(cache.exists("k"))


@same(*ALL)
async def test_plugins_can_change(side: Side, kind: str) -> None:
    """The list is looked at on each call."""
    seen: list[str] = []
    cache = side.cache(kind)
    side.note(cache.plugins)
    await cache.set("k", 1)
    cache.plugins.append(recorder(side, "appended", seen))
    await cache.get("k")
    cache.plugins.clear()
    await cache.get("k")
    cache.plugins = [recorder(side, "assigned", seen)]
    await cache.get("k")
    side.note(seen)


@differs(
    MEMORY,
    theirs=["TimeoutError: ", "True"],
    ours=["TimeoutError: the cache took longer than the timeout", "True"],
)
async def test_hooks_are_inside_the_time_limit(side: Side, kind: str) -> None:
    import asyncio

    class Waits(side.module("plugins").BasePlugin):  # type: ignore[misc]
        async def pre_get(self, client: Any, *args: Any, **options: Any) -> None:
            await asyncio.Event().wait()

    cache = side.cache(kind, plugins=[Waits()], timeout=0.02)
    await side.do(cache.get("k"), text=True)
    await side.do(cache.set("k", 1))


@same(*ALL)
async def test_hit_miss_ratio(side: Side, kind: str) -> None:
    cache = side.cache(kind, plugins=[side.module("plugins").HitMissRatioPlugin()])
    side.note(getattr(cache, "hit_miss_ratio", "none"))
    await cache.get("k")
    side.note(cache.hit_miss_ratio)
    await cache.set("k", 1)
    await cache.get("k")
    side.note(cache.hit_miss_ratio)
    await cache.multi_get(["k", "l", "m"])
    await cache.exists("k")
    side.note(cache.hit_miss_ratio)


@same(*ALL)
async def test_timing(side: Side, kind: str) -> None:
    cache = side.cache(kind, plugins=[side.module("plugins").TimingPlugin()])
    side.note(hasattr(cache, "profiling"))
    await cache.set("k", 1)
    await cache.get("k")
    await cache.get("k")
    await cache.multi_get(["k"])
    profile = cache.profiling
    side.note(sorted(profile))
    side.note([type(profile[name]).__name__ for name in sorted(profile)])
    side.note(profile["get_min"] <= profile["get_avg"] <= profile["get_max"] <= profile["get_total"])
    side.note(abs(profile["get_avg"] * 2 - profile["get_total"]) < 1e-9)


@same(MEMORY)
async def test_both_stock_plugins(side: Side, kind: str) -> None:
    plugins = side.module("plugins")
    cache = side.cache(kind, plugins=[plugins.HitMissRatioPlugin(), plugins.TimingPlugin()])
    await cache.get("k")
    side.note(cache.hit_miss_ratio)
    side.note(sorted(cache.profiling))


@same(MEMORY)
async def test_multiple_inheritance(side: Side, kind: str) -> None:
    """One plugin that is both, each calling the next."""
    plugins = side.module("plugins")

    class Both(plugins.HitMissRatioPlugin, plugins.TimingPlugin):  # type: ignore[misc]
        pass

    cache = side.cache(kind, plugins=[Both()])
    await cache.set("k", 1)
    await cache.get("k")
    side.note(getattr(cache, "hit_miss_ratio", "none"))
    side.note(sorted(getattr(cache, "profiling", {})))


@same(MEMORY)
async def test_add_hook(side: Side, kind: str) -> None:
    seen: list[str] = []

    class Mine(side.module("plugins").BasePlugin):  # type: ignore[misc]
        pass

    async def note(self: Any, client: Any, *args: Any, **options: Any) -> None:
        seen.append(f"{args!r} {sorted(set(options) - {'took'})!r}")

    Mine.add_hook(note, ["pre_get", "post_set"])
    cache = side.cache(kind, plugins=[Mine()])
    await cache.set("k", 1)
    await cache.get("k")
    side.note(seen)
    commands = (
        "add",
        "clear",
        "delete",
        "exists",
        "expire",
        "get",
        "increment",
        "multi_get",
        "multi_set",
        "raw",
        "set",
    )
    base = side.module("plugins").BasePlugin
    side.note([hasattr(base, f"{when}_{command}") for when in ("pre", "post") for command in commands])


@same(MEMORY)
async def test_a_hook_uses_the_cache(side: Side, kind: str) -> None:
    """A hook may call the cache it belongs to."""

    class Counts(side.module("plugins").BasePlugin):  # type: ignore[misc]
        async def post_get(self, client: Any, key: str, *args: Any, **options: Any) -> None:
            await client.increment(f"reads of {key}")

    cache = side.cache(kind, plugins=[Counts()])
    await cache.get("k")
    await cache.get("k")
    side.note(await cache.raw("get", "reads of k"))


@same(MEMORY)
async def test_the_current_task_and_context_of_a_hook(side: Side, kind: str) -> None:
    """Hooks see the caller's context variables."""
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    class Looks(side.module("plugins").BasePlugin):  # type: ignore[misc]
        async def pre_get(self, client: Any, *args: Any, **options: Any) -> None:
            seen.append(variable.get())

    cache = side.cache(kind, plugins=[Looks()])
    await cache.get("k")
    variable.set("the caller's")
    await cache.get("k")
    side.note(seen)
