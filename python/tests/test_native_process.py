"""Forks, and the end of the interpreter: each in a process of its own, which must say nothing on standard error."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
import servers

SECONDS = 60


def run(program: str, *arguments: str) -> str:
    """Run a program in its own interpreter, with every warning on; answer what it prints."""
    quiet = "import logging; logging.getLogger('asyncio').addFilter(lambda record: 'took' not in record.getMessage())\n"
    program = quiet + textwrap.dedent(program)  # a busy machine is slow
    # From 3.12 on Python warns of any fork beside other threads, which is what these are about.
    warnings = ["-W", "error::ResourceWarning", "-W", "ignore:This process:DeprecationWarning"]
    ran = subprocess.run(
        [sys.executable, "-X", "dev", *warnings, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, (ran.returncode, ran.stdout, ran.stderr)
    assert ran.stderr == ""
    return ran.stdout


@pytest.fixture(params=["redis", "memcached"])
def process(request: pytest.FixtureRequest) -> servers.Server:
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, servers.Server)
    return server


def test_a_child_has_connections_of_its_own(process: servers.Server) -> None:
    program = """
        import asyncio, os, sys
        from polycache._native import Server

        server = Server(sys.argv[1])

        async def use(name):
            for number in range(200):
                key = f"{name}-{number}"
                await server.set(key, key.encode(), None, 30.0)
                assert await server.get(key, None, 30.0) == key.encode()

        async def crowd(name):
            await asyncio.gather(*(use(f"{name}-{number}") for number in range(5)))

        async def fork():
            await crowd("before")
            under_way = [asyncio.ensure_future(server.get(f"before-0-{number}", None, 30.0)) for number in range(100)]
            child = os.fork()
            if child:
                found = await asyncio.gather(*under_way)
                assert found == [f"before-0-{number}".encode() for number in range(100)]
                await crowd("parent")
            return child

        loop = asyncio.new_event_loop()
        child = loop.run_until_complete(fork()) if len(sys.argv) > 2 else os.fork()
        if child:
            loop.close()
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            asyncio.run(crowd("later"))
        else:
            asyncio.run(crowd("child"))
            grandchild = os.fork()
            if grandchild:
                assert os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 0
                asyncio.run(crowd("child"))
            else:
                asyncio.run(crowd("grandchild"))
            os._exit(0)
    """
    run(program, process.url)
    run(program, process.url, "in the loop")


def test_a_fork_while_a_loop_watches_a_socket(process: servers.Server) -> None:
    program = """
        import asyncio, os, sys, time
        from polycache._native import Server

        server = Server(sys.argv[1])

        async def alone(name):
            for number in range(50):
                await server.set(name, b"v", None, 30.0)
                assert await server.get(name, None, 30.0) == b"v"

        async def close():
            await server.close()
            used = time.process_time()
            await asyncio.sleep(0.3)
            assert time.process_time() - used < 0.2

        loop = asyncio.new_event_loop()
        loop.run_until_complete(alone("before"))
        child = os.fork()
        if child == 0:
            asyncio.run(alone("child"))
            os._exit(0)
        loop.run_until_complete(alone("parent"))
        # The child may still have the socket open.
        loop.run_until_complete(close())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        loop.close()
    """
    run(program, process.url)


def test_a_child_keeps_memory_and_its_expiry() -> None:
    run(
        """
        import asyncio, os, time, weakref
        from polycache._native import Memory

        class Object: pass

        memory = Memory()
        for number in range(20_000):
            memory.set(f"short{number}", number, 0.001 + number % 100 / 100)
        value = Object()
        reference = weakref.ref(value)
        memory.set("gone", value, 1.5)
        del value
        memory.set("kept", "kept")
        for _ in range(20):
            # Entries expire all the time, so a fork meets the thread that removes them at work.
            child = os.fork()
            if child == 0:
                assert memory.get("kept") == "kept"
                memory.set("own", 1, 0.05)
                deadline = time.monotonic() + 20
                while reference() is not None or len(memory) > 1:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)

                async def compute():
                    return "computed"

                async def use():
                    lock = memory.lock("k")
                    assert await memory.get_or_set("k", compute) == "computed"
                    assert await lock.acquire(5) and await lock.release()

                asyncio.run(use())
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 if _ % 5 == 0 else True
        while True:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                break
            assert os.waitstatus_to_exitcode(status) == 0
        """
    )


def test_children_have_leases_of_their_own(process: servers.Server) -> None:
    """What one child computed before a delete isn't stored under the lease that another child has taken since."""
    out = run(
        """
        import asyncio, os, sys
        from polycache import Cache

        cache = Cache.from_url(sys.argv[1])
        began, go, stored = os.pipe(), os.pipe(), os.pipe()

        def wait(pipe):
            return asyncio.to_thread(os.read, pipe[0], 1)

        def tell(pipe):
            os.write(pipe[1], b"1")

        async def warm():
            return 0

        async def old():
            tell(began)
            await wait(go)
            return "old"

        async def new():
            tell(go)
            await wait(stored)
            assert await cache.get("k") is None
            return "new"

        async def first():
            assert await cache.get_or_set("k", old) == "old"
            tell(stored)

        async def second():
            await wait(began)
            await cache.delete("k")
            assert await cache.get_or_set("k", new) == "new"

        # The parent has drawn random numbers: the children begin with copies of its generator.
        asyncio.run(cache.get_or_set("other", warm))
        children = []
        for work in first, second:
            child = os.fork()
            if child == 0:
                asyncio.run(work())
                os._exit(0)
            children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
        print(asyncio.run(cache.get("k")))
        """,
        process.url,
    )
    assert out == "new\n"


def test_children_begin_generations_of_their_own(memcached_server: servers.Memcached) -> None:
    """A clear in one child ends what was stored since a clear in another."""
    out = run(
        """
        import asyncio, os, sys
        from polycache import Cache

        cache = Cache.from_url(sys.argv[1] + "?generations=1&namespace=n:")

        async def clear():
            print(await cache.get("k"), flush=True)
            await cache.clear(namespace="n:")
            print(await cache.get("k"), flush=True)
            await cache.set("k", "stored")

        asyncio.run(cache.set("k", "stored"))
        for _ in range(3):
            child = os.fork()
            if child == 0:
                asyncio.run(clear())
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
        memcached_server.url,
    )
    assert out == "stored\nNone\n" * 3


def test_multiprocessing_with_an_object_of_the_parents(process: servers.Server) -> None:
    run(
        """
        import asyncio, multiprocessing, sys, threading
        from polycache._native import Memory, Server

        server, memory = Server(sys.argv[1]), Memory()
        memory.set("k", b"memory")

        async def use():
            await server.set("k", b"v", None, 30.0)
            return await server.get("k", None, 30.0), memory.get("k")

        def work(_):
            return asyncio.run(use())

        def main():
            # Threads of the parent's that use both while it forks.
            done = threading.Event()

            async def busy():
                while not done.is_set():
                    await use()

            thread = threading.Thread(target=lambda: asyncio.run(busy()))
            thread.start()
            asyncio.run(use())
            with multiprocessing.get_context("fork").Pool(4) as pool:
                assert pool.map(work, range(100)) == [(b"v", b"memory")] * 100
            done.set()
            thread.join()

        main()
        """,
        process.url,
    )


@pytest.mark.parametrize("end", ["return", "sys.exit(0)", "os._exit(0)", "loop.stop()"])
def test_the_end_is_quiet(process: servers.Server, end: str) -> None:
    process.stop()
    try:
        run(
            f"""
            import asyncio, os, sys
            from polycache._native import Memory, Server

            memory = Memory()
            server = Server(sys.argv[1])
            for number in range(10_000):
                memory.set(f"k{{number}}", object(), 0.01)

            def leave(loop):
                for number in range(100):
                    server.get(f"k{{number}}", None, 60.0)
                    server.get_or_set(f"k{{number}}", lambda: asyncio.sleep(60))
                    memory.get_or_set(f"l{{number}}", lambda: asyncio.sleep(60))

            async def main():
                loop = asyncio.get_running_loop()
                leave(loop)
                await asyncio.sleep(0.01)
                {end}

            asyncio.run(main()) if "stop" not in "{end}" else None
            """,
            process.url,
        )
    finally:
        process.resume()


def test_a_thread_that_computes_while_the_interpreter_ends() -> None:
    run(
        """
        import asyncio, threading, time
        from polycache._native import Memory

        memory = Memory()
        started = threading.Event()

        async def busy():
            started.set()
            number = 0
            while True:
                number += 1
                memory.set(f"k{number % 1000}", [number], 0.01)
                await memory.get_or_set(f"l{number % 10}", lambda: asyncio.sleep(0, [number]), 0.001)

        thread = threading.Thread(target=lambda: asyncio.run(busy()), daemon=True)
        thread.start()
        started.wait()
        time.sleep(0.1)
        """
    )
