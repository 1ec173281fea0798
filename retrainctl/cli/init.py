"""`retrainctl init`: a project from nothing, from exported definitions, or from what is live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError
from retrainctl.operations import adopting

if TYPE_CHECKING:
    from retrainctl.operations.adopting import Found

_NEXT = "Next: retrainctl validate, then retrainctl plan"


def command(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The new project's folder.")] = Path(),
    from_export: Annotated[
        list[Path] | None,
        typer.Option("--from-export", metavar="FILE", help="Declare the services of exported definitions; repeatable."),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further exports.")] = None,
    from_live: Annotated[
        bool, typer.Option("--from-live", help="Declare what the environment's targets hold.")
    ] = False,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
) -> int:
    """Make a project whose first plan is empty. Never replaces a file.

    \b
    Examples:
      retrainctl init --dir census
      retrainctl init --from-export before.json --dir credit
      retrainctl init --from-live --env local --dir estate

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    if from_live and from_export:
        raise UsageError("--from-live and --from-export exclude each other")
    if more and not from_export:
        raise UsageError("files are given with --from-export")
    console = Console.of(context)
    environments: dict[str, Any] = {options.DEFAULT_ENVIRONMENT: {"emulator": {}}}
    found: list[Found] = []
    notes: list[str] = []
    if from_export:
        from retrainctl.operations.exports import from_files

        found = from_files([*from_export, *(more or [])])
    elif from_live:
        found, environments, notes = _live(context, env, project, folder)
    name = folder.resolve().name or "project"
    files = adopting.project_files(name, environments, found)
    written = adopting.write_files(folder, files)
    for note in (*notes, *files.notes):
        console.message(f"note: {note}")
    listing = "".join(f"  {path}\n" for path in written[:20])
    rest = f"  ... and {len(written) - 20} more\n" if len(written) > 20 else ""
    hint = "" if console.in_automation else f"{_NEXT}\n"
    console.result(f"Wrote {len(written)} files for {len(found)} resources:\n{listing}{rest}{hint}")
    return Exit.DONE


def _live(
    context: typer.Context, env: str | None, project: Path, folder: Path
) -> tuple[list[Found], dict[str, Any], list[str]]:
    """What the current project's environment holds, and the environment as the new project shall have it."""
    from retrainctl.operations.exports import from_live
    from retrainctl.wiring.connect import arm_target

    session = Session.open(context, env, project, None, lenient=True)
    environment, source = session.loaded.environment, session.loaded.project
    target = arm_target(source, environment, session.outside)
    with session.console.progress():
        adoptable = from_live([] if target is None else target.discover(), environment)
    settings: dict[str, Any]
    if environment.emulator is not None:
        state = environment.emulator.state or source.root / ".retrainctl" / "emulator"
        settings = {"emulator": {"state": _relative(state, folder)}}
    else:
        assert environment.arm is not None
        settings = {
            "arm": {"subscription": environment.arm.subscription, "resourceGroup": environment.arm.resource_group}
        }
    return list(adoptable.found), {environment.name: settings}, [f"left out: {one}" for one in adoptable.left_out]


def _relative(state: Path, folder: Path) -> str:
    import os

    return Path(os.path.relpath(state.resolve(), folder.resolve())).as_posix()
