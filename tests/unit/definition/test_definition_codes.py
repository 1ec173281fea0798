"""Every code that these rooms raise is explained, and every explained one is raised."""

from __future__ import annotations

import re
from pathlib import Path

from retrainctl.codes.definition import CODES


def test_codes_and_catalogue_agree(repo: Path):
    files = [*(repo / "retrainctl/definition").glob("*.py"), *(repo / "retrainctl/targets/snapshot").glob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in (*files, repo / "retrainctl/targets/arm/ids.py"))

    assert set(re.findall(r'"(RC2\d\d)"', text)) == set(CODES)
    assert all(entry.title and entry.cause and entry.fix for entry in CODES.values())
