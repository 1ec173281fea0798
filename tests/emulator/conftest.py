"""One emulator process for the whole suite, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.emulator_process import Emulator, running


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("emulator") / "state") as one:
        yield one


@pytest.fixture
def emulator(emulator_process: Emulator) -> Emulator:
    """A running emulator as new, whose operations end at the second poll without waiting."""
    emulator_process.control("POST", "reset")
    emulator_process.faults(op_seconds=0)
    return emulator_process
