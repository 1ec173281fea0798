"""Every cmdlet and every parameter of both PowerShell modules has a command here, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl import parity
from retrainctl.cli import app

ROWS = parity.rows()


def _command(name: str) -> Any:
    """The real command of this name, `webservice regional add`; None where there is none."""
    first, *rest = name.split()
    if first not in app.COMMANDS:
        return None
    command = app.load(first)
    for word in rest:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            return None
    return None if getattr(command, "commands", None) else command


@pytest.fixture(scope="session")
def taken() -> dict[str, set[str] | None]:
    """Every command that the table names -> the options and arguments that it really has."""
    found: dict[str, set[str] | None] = {}
    for name in {row.command for row in ROWS if row.command}:
        command = _command(name)
        if command is None:
            found[name] = None
            continue
        options = {text for param in command.params for text in param.opts}
        arguments = {
            (param.metavar or param.name).strip("[].")
            for param in command.params
            if param.param_type_name == "argument"
        }
        found[name] = options | arguments
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.cmdlet} {row.parameter}".strip())
def test_parity_row(row: parity.Row, taken: dict[str, set[str] | None]) -> None:
    if not row.reproduced:
        assert len(row.note) > len(parity.NOT_REPRODUCED), "not reproduced, but no reason stands there"
        return
    has = taken[row.command]
    assert has is not None, f"retrainctl {row.command} does not exist"
    if row.parameter:
        assert row.option in has, f"retrainctl {row.command} has no {row.option}, only {', '.join(sorted(has))}"


def test_parity_has_every_cmdlet_of_the_dossiers(shared: Path) -> None:
    known = {(row.cmdlet, row.parameter) for row in ROWS}
    listed = {*_of_azure(shared), *_of_classic(shared)}
    assert len({cmdlet for cmdlet, _ in listed}) > 55
    assert sorted(listed - known) == []


def test_parity_number_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(ROWS) == len({(row.cmdlet, row.parameter) for row in ROWS}), "a row stands there twice"
    gone = sum(not row.reproduced for row in ROWS)
    with capsys.disabled():
        counts = f"{len(ROWS) - gone} reproduced, {gone} with a reason why not"
        print(f"\nparity: {len(ROWS)} rows: {counts}")


def _of_azure(shared: Path) -> Iterator[tuple[str, str]]:
    """Rows of sections 13.1 and 13.2 of the dossier on New services, `-DefaultProfile` and `-WhatIf` as it says."""
    text = (shared / "arm-webservices.md").read_text(encoding="utf-8")
    section = text[text.index("### 13.1") : text.index("### 13.3")]
    for line in section.splitlines():
        cells = _cells(line)
        if len(cells) < 3 or not cells[0].startswith(
            ("Get-", "New-", "Update-", "Remove-", "Export-", "Import-", "Add-", "Move-")
        ):
            continue
        cmdlet = cells[0].split()[0]
        yield cmdlet, ""
        yield cmdlet, "DefaultProfile"
        for name in re.findall(r"-([A-Z][A-Za-z]+)", cells[1]):
            yield cmdlet, name
        if "SP" in cells[0]:
            yield cmdlet, "WhatIf"
            yield cmdlet, "Confirm"


def _of_classic(shared: Path) -> Iterator[tuple[str, str]]:
    """Rows of section 9 of the Classic dossier, with the parameters that all of them share."""
    text = (shared / "classic-api.md").read_text(encoding="utf-8")
    section = text[text.index("## 9. ") : text.index("## 10. ")]
    common = re.findall(r"`-([A-Z][A-Za-z]+)`", section[: section.index("| Cmdlet")])
    former: list[str] = []
    for line in section.splitlines():
        cells = _cells(line)
        if len(cells) < 3 or "-Aml" not in cells[0]:
            continue
        own = re.sub(r"\([^)]*\)|OutputType Payload .*|default Low", _payload, cells[1])
        names = re.findall(r"[A-Z][A-Za-z]+", own)
        if cells[1].startswith("+"):
            names = [*former, *names]
        former = former if cells[1].startswith("+") else names
        shares = "deprecated" not in cells[0] and "Invoke-" not in cells[0]
        for cmdlet in re.findall(r"[A-Z][a-z]+-Aml[A-Za-z]+", cells[0]):
            yield cmdlet, ""
            for name in [*names, *(common if shares else ())]:
                if name != "M":
                    yield cmdlet, name


def _payload(match: re.Match[str]) -> str:
    return "OutputType" if match[0].startswith("OutputType") else ""


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("*") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
