"""What a million entries take in memory, and what importing takes: measured in processes of their own."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap

from measure import Spread, progress, spread

ENTRIES = 1_000_000

STORE = """
    import asyncio, sys
    from {package} import SimpleMemoryCache

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * {page}

    async def main():
        cache = SimpleMemoryCache()
        values = [float(number) for number in range({entries})]
        await cache.set("first", 0)
        before = resident()
        for number, value in enumerate(values):
            await cache.set(f"key:{{number}}", value, ttl={ttl})
        print((resident() - before) / {entries})

    asyncio.run(main())
"""


def bytes_an_entry(package: str, ttl: float | None) -> float:
    """Bytes for an entry beyond the object that is its value; the key, which the cache keeps, is among them."""
    progress(f"a million entries in {package}, ttl {ttl}: round 1 of 1")
    program = textwrap.dedent(STORE).format(package=package, entries=ENTRIES, ttl=ttl, page=resource.getpagesize())
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout)


def import_times(packages: list[str], rounds: int) -> dict[str, Spread]:
    """Seconds of CPU time that an import takes beyond starting Python, the packages taking turns."""
    times: dict[str, list[float]] = {package: [] for package in packages}
    for turn in range(rounds):
        progress(f"imports: round {turn + 1} of {rounds}")
        for package in packages:
            times[package].append(_cpu(f"import {package}") - _cpu("import asyncio"))
    return {package: spread(each) for package, each in times.items()}


def _cpu(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
