"""What each command imports: start-up is part of every one, so a heavy library comes with the work that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.classic_estate import make_project, make_snapshot
from tests.support.command import environment

STANDARD = set(sys.stdlib_module_names)
SPEAKS = {"retrainctl", "typer", "annotated_doc", "shellingham", "colorama", "typing_extensions"}
"""Ours, and what the command line itself is made of."""

WORKS = {
    ("validate",): {"yaml", "_yaml", "jsonschema_rs"},
    ("plan", "--snapshot", "snapshot"): {"yaml", "_yaml", "jsonschema_rs", "orjson"},
    ("render",): {"yaml", "_yaml", "jsonschema_rs", "orjson"},
    ("graph",): {"yaml", "_yaml", "jsonschema_rs", "orjson"},
}
"""The third-party modules that a run of a command may import, and no others."""


UNASKED = {
    *("retrainctl.ledger", "retrainctl.targets.arm.planner", "retrainctl.targets.azureml", "retrainctl.targets.azure"),
    *("retrainctl.targets.blob", "retrainctl.apply", "retrainctl.operations.trusted"),
    *("logging", "html", "tempfile", "concurrent.futures"),
}
"""What an offline plan of Classic endpoints has no use for: other targets, the ledger, and slow imports of Python's."""


def modules(script: str, folder: Path) -> set[str]:
    """All modules that a script has imported by its end."""
    code = f"{script}\nimport sys\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return set(ran.stderr.split())


def imported(script: str, folder: Path) -> set[str]:
    """The roots of the third-party ones among them."""
    return {name.partition(".")[0] for name in modules(script, folder)} - STANDARD - SPEAKS


def named(roots: set[str]) -> set[str]:
    """Without private halves of compiled packages and what an installation itself brings (`.pth` files)."""
    return {
        root
        for root in roots
        if not root.startswith(("__", "_distutils", "_virtualenv", "_cython", "cython", "sitecustomize"))
    }


@pytest.mark.parametrize("arguments", WORKS, ids=" ".join)
def test_a_command_imports_no_more_than_it_needs(arguments: tuple[str, ...], tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", 3)
    make_snapshot(project, 3, pulled=True)
    run = f"from retrainctl.__main__ import main\nassert main({list(arguments)!r}) == 0"
    assert named(imported(run, project)) <= WORKS[arguments]


def test_an_offline_plan_leaves_alone_what_it_has_no_use_for(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", 3)
    make_snapshot(project, 3, pulled=True)
    run = "from retrainctl.__main__ import main\nassert main(['plan', '--snapshot', 'snapshot']) == 0"
    assert not UNASKED & modules(run, project)


def test_the_help_of_every_command_imports_nothing_heavy(tmp_path: Path) -> None:
    """All commands in one process: what none of them imports, no single one does."""
    load = "from retrainctl.cli.app import COMMANDS, load\nfor name in COMMANDS: load(name)"
    assert named(imported(load, tmp_path)) <= {"yaml", "_yaml", "orjson"}
