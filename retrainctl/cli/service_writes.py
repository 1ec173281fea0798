"""What the commands of `webservice` that write share: options as fields, a file as a wish, the end of a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrainctl.cli import arm_commands, asking, listing
from retrainctl.cli.exits import Exit
from retrainctl.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import typer

    from retrainctl.model.values import Tree
    from retrainctl.operations.arm_services import Defined, Located
    from retrainctl.operations.direct import Direct

KIND: Final = "WebService"
COLUMNS: Final = {
    "Name": "name",
    "Location": "location",
    "State": "properties.provisioningState",
    "Modified": "properties.modifiedOn",
}


def given(
    location: str | None,
    plan: str | None,
    account: str | None,
    account_key: str | None,
    title: str | None,
    description: str | None,
    tag: list[str] | None,
) -> dict[str, Tree]:
    """What options say of a service, in Azure's members; the plan still by the name that was given."""
    texts = {"location": location, "commitmentPlan": plan, "title": title, "description": description}
    fields: dict[str, Tree] = {name: text for name, text in texts.items() if text is not None}
    storage: dict[str, Tree] = {} if account is None else {"name": account}
    if account_key is not None:
        storage["key"] = arm_commands.secret_of(account_key, "--storage-key")
    if storage:
        fields["storageAccount"] = storage
    if tags := arm_commands.tags_of(tag):
        fields["tags"] = tags
    return fields


def bring(
    context: typer.Context,
    env: str | None,
    project: Path,
    name: str | None,
    file: Path,
    group: str | None,
    options: Mapping[str, Tree],
    *,
    update: bool,
    yes: bool,
    what_if: bool,
    output: listing.Output,
    query: str | None,
    command: str,
) -> int:
    """A definition file as a new service, or as a change of one."""
    from retrainctl.operations.arm_services import from_file, merged, plan_id
    from retrainctl.operations.direct import plan_write

    listing.check_query(query)
    read = from_file(file)
    session = Session.open(context, env, project, None, lenient=True)
    say_left_out(session, read)
    settings = arm_commands.settings_of(session)
    at = arm_commands.located(session, KIND, name or read.name or file.stem, group)
    fields = merged(read.fields, options)
    new: dict[str, Tree] = {} if settings.location is None else {"location": settings.location}
    if isinstance(plan := options.get("commitmentPlan"), str):
        fields["commitmentPlan"] = {"id": plan_id(plan, session.loaded.desired, settings)}
    elif update and "commitmentPlan" in fields:
        # Whose plan a file was completed with is no wish to have another one pay for what is there.
        new["commitmentPlan"] = fields.pop("commitmentPlan")
    ground = asking.ground(session)
    hint = "Pass --update to change it, or another name."
    direct = plan_write(
        at.desired(fields), ground, exists=None if update else False, refusals=not what_if, hint=hint, new=new
    )
    verb = "Create" if direct.observed is None else "Change"
    return finish(session, at, direct, command, yes, what_if, output, query, f"{verb} {at.address}?")


def say_left_out(session: Session, read: Defined) -> None:
    """A file with secrets in clear deserves a word: they are not sent, and others may read the file."""
    if read.left_out:
        session.console.message(
            f"note: the file holds {', '.join(read.left_out)} in clear; secrets are not taken from files: name them "
            "with env:NAME"
        )


def finish(
    session: Session,
    at: Located,
    direct: Direct,
    command: str,
    yes: bool,
    what_if: bool,
    output: listing.Output,
    query: str | None,
    question: str,
    region: str | None = None,
) -> int:
    """Carries it out and shows the service as it is then."""
    from retrainctl.operations.arm_services import service

    if direct.change is None:
        session.console.message(f"{at.address} is so already: nothing was sent.")
    else:
        base = arm_commands.base_of(session)
        code = asking.carry_out(session, direct, command, yes=yes, what_if=what_if, base=base, question=question)
        if what_if or code != Exit.DONE:
            return code
    if not what_if:
        found = service(arm_commands.client_of(session), at, region)
        listing.show(session.console, found, output=output, query=query, columns=COLUMNS)
    return Exit.DONE
