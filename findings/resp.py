"""A connection that speaks RESP3 by hand, for what client libraries hide."""

import socket


class Wire:
    """`pushes` holds the keys of each invalidation so far; None stands for "everything"."""

    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", int(port)), timeout=10).makefile("rwb")
        self.pushes = []
        self.call("HELLO", 3)

    def call(self, *words):
        """The command's reply; an error is returned as an Exception, not raised."""
        encoded = [str(word).encode() for word in words]
        self.file.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded))
        self.file.flush()
        return self.read()

    def told(self):
        """What was pushed until now: the server answers PING after it."""
        self.call("PING")
        pushes, self.pushes = self.pushes, []
        return pushes

    def read(self):
        line = self.file.readline().decode().rstrip("\r\n")
        kind, rest = line[:1], line[1:]
        if kind == ">":
            name, keys = (self.read() for _ in range(int(rest)))
            assert name == "invalidate", name
            self.pushes.append(keys)
            return self.read()
        if kind == "$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == "*":
            return [self.read() for _ in range(int(rest))]
        if kind == "%":
            return {self.read(): self.read() for _ in range(int(rest))}
        return {"_": None, ":": rest, "+": rest, "#": rest, ",": rest, "-": Exception(rest)}[kind]
