"""The reference is complete and up to date: commands with their help, error codes, kinds."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from retrainctl.cli import app
from retrainctl.codes import catalogue
from retrainctl.manifest.kinds import handlers
from tests.docs.doc_pages import REPO


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", REPO / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
COMMANDS: list[tuple[str, Any]] = list(generate.every_command())


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_generated_pages_are_up_to_date(page: Path) -> None:
    assert page.exists() and page.read_text(encoding="utf-8") == generate.pages()[page], (
        f"{page.relative_to(REPO)} is not up to date: run `python docs/generate.py`"
    )


def test_every_error_code_has_an_entry_with_an_anchor() -> None:
    page = (REPO / "docs/site/reference/errors.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\{#(rc\d+)\}", page)) == {name.lower() for name in catalogue()}
    for name, code in catalogue().items():
        assert code.title and code.cause and code.fix, f"{name}: title, cause and fix are needed"


def test_every_command_is_in_the_reference() -> None:
    page = (REPO / "docs/site/reference/commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (.+)$", page, re.MULTILINE) == [name for name, _ in COMMANDS]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_has_a_purpose_an_example_and_exit_codes_in_80_columns(name: str, command: Any) -> None:
    text = generate.help_of(name, command)
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert not wide, f"{name}: wider than 80 columns: {wide}"
    assert re.search(r"^Usage: ", text)
    assert re.search(r"\n  [A-Z][^\n]+", text), f"{name}: no purpose"
    assert re.search(r"Examples?:", text), f"{name}: no example"
    assert f"retrainctl {name.split()[0]}" in text.partition("Example")[2], f"{name}: the example is of another command"
    assert "Exit codes:" in text, f"{name}: no exit codes"


def test_the_line_in_the_root_help_is_one_line() -> None:
    widest = max(map(len, app.COMMANDS))
    for name, entry in app.COMMANDS.items():
        assert entry.help.endswith("."), f"{name}: {entry.help}"
        assert len(entry.help) + widest + 4 <= 80, f"{name}: the line does not fit 80 columns"


def test_every_kind_is_documented() -> None:
    page = (REPO / "docs/site/reference/manifests.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    missing = {"Project", *handlers()} - sections
    assert not missing, f"docs/site/reference/manifests.md has no section for {sorted(missing)}"


def test_every_exit_code_is_documented() -> None:
    from retrainctl.cli.exits import Exit

    page = (REPO / "docs/site/reference/exit-codes.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == {int(code) for code in Exit}


def test_every_environment_variable_is_documented() -> None:
    page = (REPO / "docs/site/reference/environment.md").read_text(encoding="utf-8")
    asked = re.compile(r"""environ(?:\.get\(|\[)\s*["']([A-Z][A-Z0-9_]+)["']""")
    used = {name for path in _product() for name in asked.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 10
    undocumented = {name for name in used if f"`{name}`" not in page}
    assert not undocumented, f"docs/site/reference/environment.md does not name {sorted(undocumented)}"


def _product() -> list[Path]:
    return [path for path in (REPO / "retrainctl").rglob("*.py") if "emulator" not in path.parts]


def test_the_plan_page_names_every_member() -> None:
    from retrainctl import schemas

    page = (REPO / "docs/site/reference/plan-json.md").read_text(encoding="utf-8")
    schema = schemas.document("plan")
    change = schema["$defs"]["resourceChange"]["properties"]
    missing = [name for name in (*schema["properties"], *change) if f"`{name}`" not in page]
    assert not missing, f"docs/site/reference/plan-json.md does not name {missing}"
