"""What the commands for Classic web services and endpoints have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retrainctl.errors import RetrainctlError

if TYPE_CHECKING:
    from retrainctl.cli.session import Session
    from retrainctl.targets.classic.client import ClassicClient
    from retrainctl.wiring.classic import ClassicParts

Service = Annotated[
    str, typer.Argument(metavar="SERVICE", help="The web service: its id, or its name where only one has it.")
]


def parts_of(session: Session) -> ClassicParts:
    """What the workspace is reached with; starts the emulator where the environment is one. Raises RC902."""
    from retrainctl.wiring.connect import classic_parts

    parts = classic_parts(session.loaded.project, session.loaded.environment, session.outside)
    if parts is None:
        raise RetrainctlError(
            f'environment "{session.loaded.environment.name}" has no Classic workspace',
            code="RC902",
            hint="Add `classic: {workspace: ..., location: ..., token: ...}` to it in the project file.",
        )
    return parts


def client_of(session: Session) -> ClassicClient:
    """The management API of the environment's workspace."""
    return parts_of(session).client()


def base_of(session: Session) -> str:
    """What comes before the path of a request, for `--what-if`; in the emulator the address that it stands for."""
    from retrainctl.targets.classic.hosts import hosts_of

    settings = session.loaded.environment.classic
    return "" if settings is None else hosts_of(settings).management
