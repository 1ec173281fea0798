"""The reference page names every switch of the frame, of ARM and of Studio, with its values and its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrainctl.emulator.arm.knobs import KNOBS as ARM
from retrainctl.emulator.knobs import FAULTS, Knob
from retrainctl.emulator.operations import KNOBS as OPERATIONS
from retrainctl.emulator.studio.knobs import KNOBS as ASSETS
from retrainctl.emulator.studio.run_knobs import RUN_KNOBS

STUDIO = (*ASSETS, *RUN_KNOBS)


@pytest.mark.parametrize("knob", [*FAULTS, *OPERATIONS, *ARM, *STUDIO], ids=lambda knob: knob.name)
def test_every_switch_is_documented(repo: Path, knob: Knob) -> None:
    page = (repo / "docs" / "site" / "reference" / "emulator.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    (row,) = [cells for cells in rows if knob.name in re.findall(r"`([a-z-]+)`", cells[1])]
    if knob in (*ARM, *STUDIO) and knob.form == "choice":
        assert row[2].strip() == ", ".join(knob.choices)
        assert knob.default == knob.choices[0]
