"""Real Redis and memcached on free ports of the loopback, for tests that also stop, kill and restart them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """Answer a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """A server process of its own, with nothing in it.

    Attributes:
        port: Where it listens, on the loopback; it stays the same when it is restarted.
        url: What `Cache.from_url` takes.
    """

    scheme = ""
    variable = ""
    program = ""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="polycache-test-")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    @property
    def address(self) -> dict[str, object]:
        """The keyword arguments of a cache's constructor."""
        return {"endpoint": HOST, "port": self.port}

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = os.environ.get(self.variable, self.program)
        path = shutil.which(program)
        if path is None:
            raise RuntimeError(f"the tests need {program}; .ci/packages redis-server memcached installs it")
        self.process = subprocess.Popen(
            [path, *self.arguments()], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.say(b"PING\r\n" if self.scheme == "redis" else b"version\r\n")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{program} didn't start on port {self.port}") from None
                time.sleep(0.01)

    def say(self, line: bytes) -> bytes:
        """Send one line on a connection of its own and answer what comes back first."""
        with closing(socket.create_connection((HOST, self.port), timeout=5)) as connection:
            connection.sendall(line)
            answer = connection.recv(65536)
            if not answer:
                raise ConnectionResetError
            return answer

    def flush(self) -> None:
        """Delete everything in it."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once; what it held is gone, and connections are reset."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Kill it and start it anew on the same port, empty."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """Have it stand still: connections stay, nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        # The signal takes effect in each thread in its own time.
        deadline = time.monotonic() + 10
        while not all(state == "T" for state in self.thread_states()):
            assert time.monotonic() < deadline, "it doesn't stop"
            time.sleep(0.001)

    def thread_states(self) -> list[str]:
        """Tell what each of its threads does, by the kernel's letters."""
        assert self.process is not None
        stats = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        # The name, in parentheses, may have spaces.
        return [path.read_text().rpartition(")")[2].split()[0] for path in stats]

    def resume(self) -> None:
        """Have it go on after `stop`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def ensure(self) -> None:
        """Have it run and be empty, whatever a test did to it."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.resume()
        self.flush()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    """A redis-server that keeps nothing on disk."""

    scheme = "redis"
    variable = "POLYCACHE_REDIS_SERVER"
    program = "redis-server"

    def arguments(self) -> list[str]:
        return ["--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no"]

    def flush(self) -> None:
        assert self.say(b"FLUSHALL\r\n") == b"+OK\r\n"


class Memcached(Server):
    """A memcached."""

    scheme = "memcached"
    variable = "POLYCACHE_MEMCACHED"
    program = "memcached"

    def arguments(self) -> list[str]:
        user = ["-u", "root"] if os.getuid() == 0 else []
        return ["-l", HOST, "-p", str(self.port), "-U", "0", "-m", "64", *user]

    def flush(self) -> None:
        assert self.say(b"flush_all\r\n") == b"OK\r\n"
