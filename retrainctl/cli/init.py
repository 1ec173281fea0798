"""`retrainctl init`: a project from nothing, from exported definitions, or from what is live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrainctl.cli import estate, options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.errors import UsageError
from retrainctl.model.values import SecretRef
from retrainctl.operations import adopting
from retrainctl.render.escape import visible
from retrainctl.render.style import count

if TYPE_CHECKING:
    from retrainctl.model.environment import Environment
    from retrainctl.operations.folding import Found

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
    resource_group: estate.Groups = None,
    from_list: Annotated[
        list[Path] | None,
        typer.Option("--from-list", metavar="FILE", help="Declare the services of a saved list answer; repeatable."),
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
) -> int:
    """Make a project whose first plan is empty. Never replaces a file.

    \b
    Examples:
      retrainctl init --dir census
      retrainctl init --from-export before.json --dir credit
      retrainctl init --from-live --env local --dir estate
      retrainctl init --from-list services.json --env prod --dir estate

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    if sum(map(bool, (from_live, from_export, from_list))) > 1:
        raise UsageError("--from-live, --from-export and --from-list exclude each other")
    if more and not (from_export or from_list):
        raise UsageError("files are given with --from-export or --from-list")
    if resource_group and not from_live:
        raise UsageError("--resource-group goes with --from-live")
    console = Console.of(context)
    environments: dict[str, Any] = {options.DEFAULT_ENVIRONMENT: {"emulator": {}}}
    found: list[Found] = []
    left_out: list[str] = []
    if from_export:
        from retrainctl.operations.exports import from_files

        found = from_files([*from_export, *(more or [])])
    elif from_live:
        found, environments, left_out = _live(context, env, project, folder, resource_group)
    elif from_list:
        found, environments, left_out = _listed([*from_list, *(more or [])], env or "prod")
    name = folder.resolve().name or "project"
    files = adopting.project_files(name, environments, found)
    written = adopting.write_files(folder, files)
    for note in estate.notes(left_out, files.notes):
        console.message(visible(note))
    listing = "".join(f"  {path}\n" for path in written[:20])
    rest = f"  ... and {len(written) - 20} more\n" if len(written) > 20 else ""
    hint = "" if console.in_automation else f"{_NEXT}\n"
    what = f"{count(len(written), 'file')} for {count(len(found), 'resource')}"
    console.result(f"Wrote {what}:\n{listing}{rest}{hint}")
    return Exit.DONE


def _listed(files: Sequence[Path], env: str) -> tuple[list[Found], dict[str, Any], list[str]]:
    """What list answers name, and an environment for the subscription and the group that most of it is in."""
    from retrainctl.operations.listing import from_lists

    listed = from_lists(files)
    settings = {
        "arm": {
            "subscription": listed.subscriptions[0] if listed.subscriptions else "",
            "resourceGroup": listed.groups[0] if listed.groups else "default",
        }
    }
    return list(listed.found), {env: settings}, list(listed.left_out)


def _live(
    context: typer.Context, env: str | None, project: Path, folder: Path, groups: Sequence[str] | None
) -> tuple[list[Found], dict[str, Any], list[str]]:
    """What the current project's environment holds, and the environment as the new project shall have it."""
    session = Session.open(context, env, project, None, lenient=True)
    found, left_out = estate.discover(session, groups)
    environment, source = session.loaded.environment, session.loaded.project
    if environment.emulator is not None:
        from retrainctl.wiring.connect import emulator_state

        state = emulator_state(source, environment)
        return found, {environment.name: {"emulator": {"state": _relative(state, folder)}}}, left_out
    return found, {environment.name: _settings(environment)}, left_out


def _settings(environment: Environment) -> dict[str, Any]:
    """Where the targets are, secrets as references."""
    settings: dict[str, Any] = {}
    if (arm := environment.arm) is not None:
        settings["arm"] = {"subscription": arm.subscription, "resourceGroup": arm.resource_group}
    if (classic := environment.classic) is not None:
        token = classic.token
        reference = token.to_json() if isinstance(token, SecretRef) else {"env": "AML_WORKSPACE_TOKEN"}
        settings["classic"] = {"workspace": classic.workspace, "location": classic.location, "token": reference}
    return settings


def _relative(state: Path, folder: Path) -> str:
    import os

    return Path(os.path.relpath(state.resolve(), folder.resolve())).as_posix()
