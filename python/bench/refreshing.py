"""How often a source is asked, and how long callers wait, where many ask for what is refreshed early."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from contenders import early_functions

TTL = 0.5
SECONDS = 5.0
CALLERS = 20
#: How long the source takes.
SLOW = 0.05


async def report() -> None:
    """Print the calls of the source a TTL, and the longest waits, for everybody who has it."""
    print(
        f"\n{CALLERS} tasks ask for {SECONDS:.0f} s for what lives {TTL} s and takes {SLOW} s, refreshed past four fifths of that"
    )
    async with AsyncExitStack() as stack:
        asked = 0

        async def source() -> None:
            nonlocal asked
            asked += 1
            await asyncio.sleep(SLOW)

        for name, function in (await early_functions("early", TTL, stack, source)).items():
            asked = 0
            waits = await load(function)
            waits.sort()
            told = f"{asked / (SECONDS / TTL):.2f} calls of the source a TTL"
            slow = sum(wait > SLOW / 2 for wait in waits)
            print(
                f"  {name:16} {told}; {slow} of {len(waits)} calls waited for it, the longest {waits[-1] * 1e3:.1f} ms"
            )


async def load(function: Any) -> list[float]:
    """The waits of all calls."""
    await function(1)
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    async def caller() -> None:
        while (begun := time.perf_counter()) < end:
            await function(1)
            waits.append(time.perf_counter() - begun)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return waits
