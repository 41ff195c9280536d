"""A schema of marshmallow that is a serializer too: what is stored is checked, and comes back as objects."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import Schema, fields, post_load

from polycache import SimpleMemoryCache
from polycache.serializers import BaseSerializer


@dataclass
class Book:
    title: str
    published: date


class BookSchema(Schema, BaseSerializer):
    """How a book is written as JSON and read again."""

    encoding = "utf-8"

    title = fields.String(required=True)
    published = fields.Date(required=True)

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Book:
        return Book(**data)

    def dumps(self, value: Any, **options: Any) -> str:
        return super().dumps(value)

    def loads(self, value: str | None, **options: Any) -> Any:
        return None if value is None else super().loads(value)


async def main() -> None:
    cache = SimpleMemoryCache(serializer=BookSchema(), namespace="books:")
    await cache.set("emma", Book("Emma", date(1815, 12, 23)))
    print(await cache.get("emma"))
    print(await cache.raw("get", "books:emma"))


if __name__ == "__main__":
    asyncio.run(main())
