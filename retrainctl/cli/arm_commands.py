"""What the commands for New web services and commitment plans have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, cast

import typer

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.values import SecretRef

if TYPE_CHECKING:
    from retrainctl.cli.session import Session
    from retrainctl.model.environment import ArmSettings
    from retrainctl.operations.arm_services import Located
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.arm.target import ArmTarget

Group = Annotated[
    str | None,
    typer.Option("--resource-group", "-g", metavar="NAME", help="Resource group. Default: the environment's."),
]
ListGroup = Annotated[
    str | None,
    typer.Option("--resource-group", "-g", metavar="NAME", help="Only this group. Default: the whole subscription."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="Set a tag; may be repeated.")]
Untag = Annotated[list[str] | None, typer.Option("--remove-tag", metavar="NAME", help="Take a tag off.")]


def settings_of(session: Session) -> ArmSettings:
    """Where New services live in this environment. Raises `RetrainctlError` (RC902) where it has no such place."""
    settings = session.loaded.environment.arm
    if settings is None:
        raise RetrainctlError(
            f'environment "{session.loaded.environment.name}" has no New web services',
            code="RC902",
            hint="Add `arm: {subscription: ..., resourceGroup: ...}` to it in the project file.",
        )
    return settings


def client_of(session: Session) -> ArmClient:
    """The calls of the environment's subscription; starts the emulator where the environment is one."""
    settings_of(session)
    return cast("ArmTarget", session.targets.writers["arm"]).client


def located(session: Session, kind: str, name: str, group: str | None) -> Located:
    """What a name on the command line means."""
    from retrainctl.operations.arm_services import locate

    return locate(kind, name, session.loaded.desired, settings_of(session), group=group)


def base_of(session: Session) -> str:
    """What comes before the path of a request, for `--what-if`."""
    return settings_of(session).endpoint


def tags_of(texts: Sequence[str] | None) -> dict[str, str]:
    """`--tag team=growth` as a mapping. Raises `UsageError`."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"--tag {text}: not of the form NAME=VALUE", hint="Write for example --tag team=growth.")
        found[name] = value
    return found


def without_tags(names: Sequence[str] | None) -> Mapping[str, Mapping[str, str]] | None:
    """What `plan_write` calls gone, for `--remove-tag`."""
    return {"tags": dict.fromkeys(names, "")} if names else None


def secret_of(text: str, option: str) -> SecretRef:
    """`env:NAME`, `file:PATH` or `keyVault:VAULT/SECRET`. Raises `UsageError`; a literal secret is refused unseen."""
    source, sign, rest = text.partition(":")
    if sign and rest and source in ("env", "file"):
        return SecretRef(source, rest)
    vault, slash, item = rest.rpartition("/")
    if source == "keyVault" and slash and vault and item:
        return SecretRef("keyVault", vault, item)
    raise UsageError(
        f"{option} takes a reference, not a secret: a command line is seen by others",
        hint="Write env:NAME, file:PATH or keyVault:VAULT/SECRET.",
    )
