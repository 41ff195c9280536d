"""What a server holds, read without any of the packages."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from contextlib import closing
from urllib.parse import unquote_to_bytes

import servers


class Connection:
    """A connection that reads lines and blocks."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((servers.HOST, port), timeout=5)
        self.file = self.socket.makefile("rwb")

    def send(self, data: bytes) -> None:
        self.file.write(data)
        self.file.flush()

    def line(self) -> bytes:
        return self.file.readline().removesuffix(b"\r\n")

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def redis(self, *words: bytes) -> object:
        """One command of Redis."""
        self.send(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self) -> object:
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)[:-2]
            return bytes(data)
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return int(rest) if kind == b":" else rest

    def lines(self, command: bytes) -> list[bytes]:
        """The lines of memcached's answer before its END."""
        self.send(command + b"\r\n")
        lines = []
        while (line := self.line()) != b"END":
            lines.append(line)
        return lines


def contents(server: servers.Server, db: int = 0) -> dict[str, bytes]:
    """Keys and values, in the order of the keys; a key of Redis that has a TTL says so."""
    with closing(Connection(server.port)) as connection:
        found = {}
        if isinstance(server, servers.Redis):
            connection.redis(b"SELECT", b"%d" % db)
            keys = connection.redis(b"KEYS", b"*")
            assert isinstance(keys, list)
            for key in sorted(keys):
                value, ttl = connection.redis(b"GET", key), connection.redis(b"PTTL", key)
                assert isinstance(value, bytes) and isinstance(ttl, int)
                found[key.decode("utf-8", "backslashreplace") + (" with a TTL" if ttl >= 0 else "")] = value
            return found
        for line in sorted(connection.lines(b"lru_crawler metadump hash")):
            entry = re.match(rb"key=(\S+) exp=(\S+)", line)
            assert entry
            key = unquote_to_bytes(entry[1])
            # In base64 a key may have any bytes, but less of them.
            plain = re.fullmatch(rb"[\x21-\x7e]+", key)
            connection.send(b"mg " + (key + b" v" if plain else b64encode(key) + b" b v") + b"\r\n")
            header = connection.line()
            if header == b"EN":
                continue
            value = connection.file.read(int(header.split()[1]) + 2)[:-2]
            found[key.decode("utf-8", "backslashreplace") + (" with a TTL" if entry[2] != b"-1" else "")] = value
        return found
