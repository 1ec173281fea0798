"""`retrainctl import`: existing services into the manifests of this project."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from retrainctl.cli import estate, options
from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session
from retrainctl.definition.azureml_ids import PAIR
from retrainctl.errors import UsageError
from retrainctl.operations import adopting
from retrainctl.render.escape import visible

if TYPE_CHECKING:
    from retrainctl.model.environment import Environment
    from retrainctl.model.resource import Desired
    from retrainctl.operations.folding import Found


class Target(StrEnum):
    """What an existing service's successor can be made for."""

    AZUREML = "azureml"


def command(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Exported definitions.")] = None,
    from_list: Annotated[
        list[Path] | None,
        typer.Option("--from-list", metavar="FILE", help="Declare the services of a saved list answer; repeatable."),
    ] = None,
    resource_group: estate.Groups = None,
    from_definition: Annotated[
        Path | None,
        typer.Option("--from-definition", metavar="FILE", help="With --to: the definition of the service to succeed."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="With --to: the model that it uses, Studio or ONNX.")
    ] = None,
    to: Annotated[
        Target | None, typer.Option("--to", help="Write the project of its successor instead; asks nobody.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="With --to: the new project's folder.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="With --to: the new endpoint's name.")
    ] = None,
    env: options.Env = None,
    project: options.ProjectFile = options.DEFAULT_PROJECT,
    var: options.Var = None,
) -> int:
    """Declare existing services that no manifest declares yet: from exports, or what the environment holds.

    With `--to azureml` a new project is written instead: endpoint, deployment,
    model, input schema and example request of a Studio service's successor.

    \b
    Examples:
      retrainctl import exported.json
      retrainctl import --env prod
      retrainctl import --env prod --resource-group growth
      retrainctl import --env prod --from-list services.json
      retrainctl import --from-definition exported.json --model model.ilearner \\
        --to azureml --dir successor

    Exit codes: 0 done; 1 error, nothing written; 64 usage error.
    """
    if to is not None or from_definition is not None or model is not None or folder is not None or name is not None:
        if to is None or from_definition is None or model is None or folder is None:
            raise UsageError("a successor needs --from-definition, --model, --to and --dir")
        if files or from_list or resource_group:
            raise UsageError("--to takes one definition, with --from-definition")
        return _succeed(Console.of(context), from_definition, model, folder, name)
    from retrainctl.operations.exports import from_files

    session = Session.open(context, env, project, var)
    loaded, console = session.loaded, session.console
    left_out: list[str] = []
    if from_list:
        found, left_out = _listed([*from_list, *(files or [])], loaded.environment)
    elif files:
        found = from_files(files)
    else:
        found, left_out = estate.discover(session, resource_group)
    declared = {place for entry in loaded.desired for place in _places(entry)}
    fresh = [entry for entry in found if not _declared(entry, declared, loaded.environment)]
    manifests = adopting.manifest_files(
        fresh,
        taken=frozenset(loaded.models),
        declared=(str(entry.address) for entry in loaded.desired),
        there=(name.rpartition(".")[0] for name, _ in loaded.sources),
    )
    written = adopting.write_files(loaded.project.root, manifests)
    for note in estate.notes(left_out, manifests.notes):
        console.message(visible(note))
    console.result("".join(f"wrote {path}\n" for path in written) or "Nothing new: everything is declared already.")
    return Exit.DONE


def _succeed(console: Console, definition: Path, model: Path, folder: Path, name: str | None) -> int:
    from retrainctl.operations.migrating import successor, write_project

    made = successor(definition, model, name=name)
    written = write_project(folder, made.files)
    for note in made.notes:
        console.message(visible(f"note: {note}"))
    console.result("".join(f"wrote {path}\n" for path in written))
    return Exit.DONE


def _listed(files: Sequence[Path], environment: Environment) -> tuple[list[Found], list[str]]:
    from retrainctl.operations.listing import from_lists

    arm = environment.arm
    if arm is None:
        raise UsageError(f"the environment {environment.name} has no arm settings", hint="Add `arm`, or name another.")
    listed = from_lists(files, subscription=arm.subscription, home=arm.resource_group, location=arm.location)
    return list(listed.found), list(listed.left_out)


_AZUREML: Final = frozenset({"OnlineEndpoint", "OnlineDeployment", "BatchEndpoint", "BatchDeployment"})


def _places(entry: Desired) -> Iterator[tuple[str, str, str]]:
    """Kind, where, and name: what makes two manifests one and the same resource. Blue/green is two deployments."""
    place = entry.place
    if entry.address.kind in _AZUREML:
        where = place.get("endpoint", "").casefold()
        yield from ((entry.address.kind, where, name.casefold()) for name in place["name"].split(PAIR))
        return
    where = place.get("resourceGroup") or (place.get("webService", "") if "name" in place else "")
    yield entry.address.kind, where.casefold(), (place.get("name") or place.get("webService", "")).casefold()


def _declared(entry: Found, declared: Container[tuple[str, str, str]], environment: Environment) -> bool:
    home = environment.arm.resource_group if environment.arm is not None else ""
    where = {"WebService": entry.spec.get("resourceGroup", home), "Endpoint": entry.spec.get("webService", "")}
    where[entry.kind] = entry.spec.get("endpoint_name", where.get(entry.kind, ""))
    return (entry.kind, where.get(entry.kind, "").casefold(), entry.name.casefold()) in declared
