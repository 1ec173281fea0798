"""A shell in a temporary folder; its emulators end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrainctl.wiring import emulator
from tests.support.command import Shell, environment


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "work"
    folder.mkdir()
    yield Shell(folder, environment())
    for ready in tmp_path.rglob("emulator.json"):
        emulator.stop(ready.parent)
