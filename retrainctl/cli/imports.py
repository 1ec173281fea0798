"""`retrainctl import`: existing services into the manifests of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrainctl.cli import options
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.operations import adopting


def command(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Exported definitions.")] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
) -> int:
    """Declare existing services that no manifest declares yet: from exports, or what the environment holds.

    \b
    Examples:
      retrainctl import exported.json
      retrainctl import --env prod

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    from retrainctl.operations.exports import Adoptable, from_files, from_live
    from retrainctl.wiring.connect import arm_target

    session = Session.open(context, env, project, var)
    loaded, console = session.loaded, session.console
    if files:
        adoptable = Adoptable(found=tuple(from_files(files)))
    else:
        target = arm_target(loaded.project, loaded.environment, session.outside)
        with console.progress():
            adoptable = from_live([] if target is None else target.discover(), loaded.environment)
    declared = {entry.place.get("name", entry.address.name).casefold() for entry in loaded.desired}
    fresh = [entry for entry in adoptable.found if entry.name.casefold() not in declared]
    manifests = adopting.manifest_files(fresh, taken=frozenset(loaded.models))
    written = adopting.write_files(loaded.project.root, manifests)
    for note in (*(f"left out: {one}" for one in adoptable.left_out), *manifests.notes):
        console.message(f"note: {note}")
    console.result("".join(f"wrote {path}\n" for path in written) or "Nothing new: everything is declared already.")
    return Exit.DONE
