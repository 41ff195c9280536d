"""The blocks of the guide's chapter run as they stand, on servers of the tests."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from polycache import caches

CHAPTER = Path(__file__).resolve().parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", CHAPTER.read_text(), re.DOTALL | re.MULTILINE)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 7


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {number}" for number in range(len(BLOCKS))])
async def test_a_block(block: str, redis_server: Any) -> None:
    before = caches.get_config()
    text = block.replace("6379", str(redis_server.port))
    code: CodeType = compile(text, str(CHAPTER), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"__name__": "block"}
    try:
        result = FunctionType(code, names)()
        if inspect.isawaitable(result):
            await result
    finally:
        caches.set_config(before)
        for value in list(names.values()):
            if hasattr(value, "close") and not isinstance(value, type):
                await value.close()


PROGRAMS = {
    f"{path.parent.name}/{path.name} {number}": block
    for path in (CHAPTER.parents[1] / "README.md", CHAPTER.parents[1] / "python" / "README.md")
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE))
}


def test_each_readme_has_a_program() -> None:
    assert len(PROGRAMS) >= 2


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=list(PROGRAMS))
def test_a_program_of_a_readme(program: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
