"""Golden files: what a renderer wrote, kept beside the case, read by people, compared byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew (never in CI)")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file; `pytest tests/golden --update-golden` writes it instead."""
    update = request.config.getoption("--update-golden", default=False)
    assert not (update and os.environ.get("CI")), "golden files are updated by people, never in CI"

    def check(path: Path, text: str) -> None:
        data = text.encode()
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        assert path.is_file(), f"{path} is missing: run pytest tests/golden --update-golden and read what it writes"
        assert text == path.read_bytes().decode(), f"{path.name} differs; --update-golden writes it anew"

    return check
