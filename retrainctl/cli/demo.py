"""`retrainctl demo`: the whole story against the emulator, in a folder that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import RetrainctlError


def command(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Leave the example project and its emulator in DIR.")
    ] = None,
) -> int:
    """Tell the whole story: emulator, example project, plan, apply, empty plan.

    \b
    Examples:
      retrainctl demo
      retrainctl demo --keep census

    Exit codes: 0 done; the failing step's code otherwise.
    """
    from retrainctl.wiring import emulator

    console = Console.of(context)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise RetrainctlError(f"{keep} is not empty", code="RC004", hint="Name a new folder with --keep.")
    folder = keep or Path(tempfile.mkdtemp(prefix="retrainctl-demo-"))
    state = folder / ".retrainctl" / "emulator"
    try:
        shutil.copytree(_examples() / "census", folder, dirs_exist_ok=True)
        return _story(console, folder, state)
    finally:
        if keep is None:
            emulator.stop(state)
            shutil.rmtree(folder, ignore_errors=True)
            console.message("The demo's folder and its emulator are gone again.")
        else:
            console.message(f"The project is in {folder}; its emulator runs until `retrainctl emulator down`.")


def _story(console: Console, folder: Path, state: Path) -> int:
    from retrainctl.wiring import emulator

    def say(text: str) -> None:
        console.result(f"\n== {text}\n")

    say("1. An emulator on this machine holds a web service with version 1 of its model")
    handle = emulator.ensure_running(state, seeds=[folder / "seed"])
    console.result(f"emulator at {handle.url}, seeded from seed/")
    say("2. The manifest asks for version 2: what would change?")
    project = ["--project", str(folder / "retrainctl.yaml"), "--env", "local"]
    saved = str(folder / "plan.json")
    for title, arguments in (
        ("", ["plan", *project, "--out", saved]),
        ("3. Apply exactly that plan", ["apply", saved, *project, "--yes"]),
        ("4. Plan again: the service is as the manifests say", ["plan", *project, "--detailed-exitcode"]),
    ):
        if title:
            say(title)
        console.result(f"$ retrainctl {' '.join(_short(argument, folder) for argument in arguments)}\n")
        if (code := _run(arguments, console)) != Exit.DONE:
            return code
    return Exit.DONE


def _short(argument: str, folder: Path) -> str:
    return argument.replace(f"{folder}/", "")


def _run(arguments: list[str], console: Console) -> int:
    from retrainctl.cli.app import root

    command = root()
    with command.make_context("retrainctl", list(arguments), obj=console) as context:
        code = command.invoke(context)
    return code if isinstance(code, int) else Exit.DONE


def _examples() -> Path:
    """The worked examples: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_manifests"
    return inside if inside.is_dir() else package.parent / "manifests"
