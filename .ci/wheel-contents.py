"""Looks into the wheel and the sdist in a folder: `wheel-contents.py FOLDER` says what is in them, and fails where something is missing."""

import json
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

WANTED_OF_METADATA = ("Name", "Version", "Summary", "License-Expression", "License-File", "Requires-Python", "Keywords", "Project-URL")


def look_into_wheel(path: Path) -> None:
    """Check a wheel's modules, types, metadata, licences and bill of materials."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        info = next(name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info"))
        for wanted in ("polycache/py.typed", "polycache/_native/__init__.pyi", "polycache/_native.abi3.so", "polycache/__init__.py"):
            assert wanted in names, f"no {wanted}"
        assert not [name for name in names if "__pycache__" in name or "/tests/" in name], "more than the package"
        metadata = BytesParser().parsebytes(wheel.read(f"{info}/METADATA"))
        for wanted in WANTED_OF_METADATA:
            assert metadata[wanted], f"no {wanted} in the metadata"
        assert metadata.get_payload(), "no description"
        licences = [name for name in names if name.startswith(f"{info}/licenses/")]
        assert len(licences) == 2, f"licences: {licences}"
        tag = next(line for line in wheel.read(f"{info}/WHEEL").decode().splitlines() if line.startswith("Tag:"))
        assert "cp311-abi3" in tag, tag
        bills = [name for name in names if name.startswith(f"{info}/sboms/")]
        assert bills, "no bill of materials"
        crates = {each["name"] for bill in bills for each in json.loads(wheel.read(bill))["components"]}
        assert {"pyo3", "polycache", "tokio"} <= crates, "a bill of materials without the crates"
    size = path.stat().st_size / 2**20
    print(f"{path.name}: {size:.1f} MiB, {len(names)} files, {len(crates)} crates in its bill of materials; {tag}")


def look_into_sdist(path: Path) -> None:
    """Check that an sdist has all that is built from."""
    with tarfile.open(path) as sdist:
        names = {name.split("/", 1)[-1] for name in sdist.getnames()}
    for wanted in ("Cargo.lock", "pyproject.toml", "PKG-INFO"):
        assert wanted in names, f"no {wanted} in the sdist"
    for wanted in ("polycache/__init__.py", "polycache/src/lib.rs", "polycache-engine/src/lib.rs"):
        assert any(name.endswith(wanted) for name in names), f"no {wanted} in the sdist"
    print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB, {len(names)} files")


folder = Path(sys.argv[1])
for found in sorted(folder.glob("*.whl")):
    look_into_wheel(found)
for found in sorted(folder.glob("*.tar.gz")):
    look_into_sdist(found)
