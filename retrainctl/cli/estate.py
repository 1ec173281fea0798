"""What `init` and `import` have in common: finding what exists at an environment's targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from retrainctl.operations.folding import Found

if TYPE_CHECKING:
    from retrainctl.cli.session import Session

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
    return found, left_out


def notes(left_out: Sequence[str], more: Iterable[str] = ()) -> list[str]:
    """What the user should know, counted first where it is much."""
    lines = [f"note: left out: {one}" for one in left_out]
    if len(lines) > 1:
        lines.insert(0, f"note: {len(lines)} services were left out, for they cannot be managed as they are:")
    return [*lines, *(f"note: {one}" for one in more)]
