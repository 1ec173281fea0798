"""What `init` and `import` have in common: finding what exists at an environment's targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from retrainctl.operations.folding import Found

if TYPE_CHECKING:
    from retrainctl.cli.session import Session
    from retrainctl.model.environment import AzuremlSettings

Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--resource-group",
        metavar="NAME",
        help="Only this resource group; may be repeated. Default: every group of the subscription.",
    ),
]


def discover(session: Session, groups: Sequence[str] | None) -> tuple[list[Found], list[str]]:
    """What the environment's targets hold, and what was left out and why. Raises `TargetError`."""
    from retrainctl.operations.classic_estate import from_workspace
    from retrainctl.operations.exports import from_live
    from retrainctl.wiring.connect import arm_target, classic_parts

    environment, project = session.loaded.environment, session.loaded.project
    found: list[Found] = []
    left_out: list[str] = []
    with session.console.progress():
        target = arm_target(project, environment, session.outside)
        if target is not None:
            for group in groups or (None,):
                adoptable = from_live(target.discover(group), environment)
                found += adoptable.found
                left_out += adoptable.left_out
        parts = classic_parts(project, environment, session.outside) if not groups else None
        if parts is not None:
            client = parts.client()
            services = client.services()
            endpoints = {str(service["Id"]): client.endpoints(str(service["Id"])) for service in services}
            found += from_workspace(services, endpoints)
        if not groups and environment.azureml is not None:
            more, undone = _of_azureml(session, environment.azureml)
            found += more
            left_out += undone
    return found, left_out


def _of_azureml(session: Session, settings: AzuremlSettings) -> tuple[list[Found], list[str]]:
    """The endpoints of a workspace of Azure Machine Learning v2, which is one of the environment's targets."""
    from retrainctl.definition.azureml_ids import BATCH, DEPLOYMENTS, ONLINE
    from retrainctl.operations import azureml_estate
    from retrainctl.wiring.connect import azureml_target

    target = azureml_target(session.loaded.project, session.loaded.environment, session.outside)
    assert target is not None
    client = target.client
    collections = {name: list(client.list(f"{target.scope}/{name}")) for name in (ONLINE, BATCH)}
    endpoints = [str(one["id"]) for found in collections.values() for one in found]
    deployments = {one: list(client.list(f"{one}/{DEPLOYMENTS}")) for one in endpoints}
    return azureml_estate.from_workspace(collections, deployments, settings)


def notes(left_out: Sequence[str], more: Iterable[str] = ()) -> list[str]:
    """What the user should know, counted first where it is much."""
    lines = [f"note: left out: {one}" for one in left_out]
    if len(lines) > 1:
        lines.insert(0, f"note: {len(lines)} services were left out, for they cannot be managed as they are:")
    return [*lines, *(f"note: {one}" for one in more)]
