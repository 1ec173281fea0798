"""Fixtures that every suite shares."""

from __future__ import annotations

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
REFERENCE = REPO.parent / "shared" / "reference"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Benches run once, small and unmeasured, unless they are what was asked for."""
    if not (config.option.benchmark_only or config.option.benchmark_enable):
        config.option.benchmark_disable = True


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the protocol dossiers and the recorded traffic; the product itself never needs it."""
    if not REFERENCE.is_dir():
        pytest.skip(f"contract data is not here: {REFERENCE} does not exist")
    return REFERENCE
