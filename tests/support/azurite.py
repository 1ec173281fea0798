"""Azurite, Microsoft's own emulator of Azure Storage, from npm: the judge of everything that speaks to blobs."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

VERSION = "3.35.0"
ACCOUNT = "devstoreaccount1"
# The account and key that Azurite is born with, printed in its manual.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
FLAGS = (
    "--silent",
    "--inMemoryPersistence",
    "--skipApiVersionCheck",
    "--disableTelemetry",
    "--blobHost",
    "127.0.0.1",
    "--blobPort",
    "0",
)


@dataclass(frozen=True, kw_only=True)
class Azurite:
    """A running Azurite: the blob endpoint of its account, without trailing slash."""

    endpoint: str
    account: str = ACCOUNT
    key: str = KEY


@contextmanager
def running() -> Iterator[Azurite]:
    """Starts Azurite, installing it first where it is not yet; skips, or fails under RETRAINCTL_REQUIRE_AZURITE."""
    program = _installed()
    process = subprocess.Popen([program, *FLAGS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "listens on" in line:
                break
        else:
            _absent("Azurite does not start: " + "".join(said)[-500:])
        yield Azurite(endpoint=f"{said[-1].split()[-1]}/{ACCOUNT}")
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _installed() -> Path:
    cache = Path(os.environ.get("RETRAINCTL_TEST_CACHE", Path.home() / ".cache" / "retrainctl-tests"))
    folder = cache / f"azurite-{VERSION}"
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    npm = shutil.which("npm")
    if program.exists():
        return program
    if npm is None:
        _absent("npm is not installed, and Azurite comes from npm")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command = [npm, "install", "--no-fund", "--no-audit", "--prefix", str(folder), f"azurite@{VERSION}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=280)
            if done.returncode or not program.exists():
                _absent(f"npm cannot install azurite@{VERSION}: {(done.stderr or done.stdout)[-500:]}")
    return program


def _absent(why: str) -> NoReturn:
    if os.environ.get("RETRAINCTL_REQUIRE_AZURITE"):
        pytest.fail(f"Azurite is required here: {why}")
    pytest.skip(f"AZURITE IS NOT HERE, the blob store is not tested: {why}")
