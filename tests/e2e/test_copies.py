"""A second plan of a live estate reads what changed since the first, and nothing else."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from retrainctl.wiring.connect import DEFINITION_COPIES
from tests.e2e.test_drift import PATH, settled
from tests.support.command import Shell
from tests.support.estate import make_estate
from tests.support.inside import Inside

COUNT = 9


class Estate:
    """Nine services that serve what was applied, and how often the emulator is asked for one of them."""

    def __init__(self, shell: Shell) -> None:
        make_estate(shell.folder, COUNT)
        self.do = Inside(shell.folder, shell.environ)
        self.handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])
        self.do("apply", "--yes")

    def call(self, method: str, name: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.handle.url + PATH.format(name),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.handle.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            content = json.loads(answer.read() or b"null")
        return content if method == "GET" else settled(self.call, name)

    def reads(self) -> int:
        paths = emulator.control(self.handle, "GET", "counters")["paths"]
        return sum(n["requests"] for path, n in paths.items() if path.startswith("GET ") and "/webServices/" in path)

    def read_by(self, *arguments: str) -> int:
        before = self.reads()
        self.do(*arguments)
        return self.reads() - before


@pytest.fixture
def estate(shell: Shell) -> Estate:
    return Estate(shell)


def test_only_what_changed_is_read_again(estate: Estate) -> None:
    assert estate.read_by("plan") == COUNT
    assert estate.read_by("plan") == 0
    estate.call("PATCH", "svc-4", {"properties": {"packageType": "Graph", "title": "Another"}})
    assert estate.read_by("plan") == 1
    assert estate.read_by("plan", "--no-cache") == COUNT
    assert estate.read_by("plan") == 0


def test_a_copy_is_never_what_an_apply_rests_on(estate: Estate) -> None:
    estate.do("plan")
    copies = sorted(Path(estate.do.folder, DEFINITION_COPIES).glob("*.json"))
    assert len(copies) == COUNT
    for copy in copies:
        copy.write_bytes(b"{broken")
    assert estate.read_by("plan") == COUNT, "a copy that cannot be read is no copy"
    assert estate.read_by("apply", "--yes") >= COUNT
