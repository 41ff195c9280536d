"""A short soak, in a process of its own, which must not warn of anything: under Python's development mode, and without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


# In development mode a loop is debugged, and its tasks are woken in another way.
@pytest.mark.slow
@pytest.mark.parametrize("mode", [["-X", "dev"], ["-W", "default"]], ids=" ".join)
def test_a_short_soak(mode: list[str]) -> None:
    calls = os.environ.get("POLYCACHE_SOAK_CALLS", "10000")
    program = Path(__file__).with_name("soak.py")
    done = subprocess.run(
        [sys.executable, *mode, str(program), "--calls", calls],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(program.parent)},
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    assert "nothing is left behind" in done.stdout
