"""A short soak, in a process of its own under Python's development mode, which must not warn of anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_short_soak() -> None:
    calls = os.environ.get("POLYCACHE_SOAK_CALLS", "10000")
    program = Path(__file__).with_name("soak.py")
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(program), "--calls", calls],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(program.parent)},
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    assert "nothing is left behind" in done.stdout
