"""Functions whose results are cached."""

import asyncio

from polycache import cached, cached_stampede, multi_cached

PRICES = {"apple": 3, "pear": 4, "plum": 5}
asked: list[str] = []


@cached(ttl=60, key_builder=lambda function, name: f"price of {name}")
async def price(name: str) -> int:
    """Look one price up; the next 60 seconds it comes from the cache."""
    asked.append(f"one: {name}")
    return PRICES[name]


@multi_cached("names", ttl=60)
async def prices(names: list[str]) -> dict[str, int]:
    """Look many up; only those that aren't cached are handed in."""
    asked.append(f"many: {' '.join(names)}")
    return {name: PRICES[name] for name in names}


@cached_stampede(lease=10, ttl=60)
async def report() -> str:
    """Work that should be done once, however many ask for it at the same time."""
    asked.append("report")
    await asyncio.sleep(0.01)
    return "all is well"


async def main() -> None:
    assert await price("apple") == await price("apple") == 3
    assert await price.cache.get("price of apple") == 3

    assert await prices(["apple", "pear"]) == {"apple": 3, "pear": 4}
    assert await prices(["apple", "plum"]) == {"apple": 3, "plum": 5}

    reports = await asyncio.gather(*(report() for _ in range(100)))
    assert set(reports) == {"all is well"}

    print("asked for:", *asked, sep="\n  ")


if __name__ == "__main__":
    asyncio.run(main())
