"""The reference page names every switch, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.emulator_process import Emulator


def test_every_switch_is_documented(emulator: Emulator, repo: Path) -> None:
    page = (repo / "docs" / "site" / "reference" / "emulator.md").read_text()
    section = page.partition("## Faults and unknowns")[2].partition("## For tests")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`([a-z-]+)`", cell)}
    knobs = {knob["name"]: knob for knob in emulator.control("GET", "faults")["knobs"]}
    assert documented >= set(knobs)
    for line in section.splitlines():
        names = re.findall(r"`([a-z-]+)`", line.split("|")[1]) if line.startswith("| `") else []
        for name in names:
            if name in knobs and len(knobs[name]["choices"]) > 1 and name not in ("realistic", "blobs-required"):
                assert ", ".join(knobs[name]["choices"]) in line
                assert knobs[name]["default"] == knobs[name]["choices"][0]
