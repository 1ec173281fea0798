"""The workspace itself, its users, and inviting more (classic-api.md sections 6, 6.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from retrainctl.errors import RetrainctlError
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import Rejected, Waiter
from retrainctl.targets.azure.pipeline import Answer
from retrainctl.targets.studio.cleaning import cleaned
from retrainctl.targets.studio.client import StudioClient

_SECRET: Final = frozenset(
    {"hdinsightclusterconnectionstring", "hdinsightstorageconnectionstring", "msidentitycertificate", "certificate"}
)
"""What a workspace has of secrets beside its tokens and its storage key."""

_EMAIL: Final = re.compile(r"[^\s@,;:\"\\<>(){}\[\]\x00-\x1f\x7f]+@[^\s@,;:\"\\<>(){}\[\]\x00-\x1f\x7f]+")
_WHAT: Final = "invite users to the workspace"


def read_workspace(studio: StudioClient) -> JsonObject:
    """The workspace without its tokens, keys and connection strings. Raises `TargetError`."""
    found = cleaned(studio.object(studio.url(), "read the workspace"))
    return {name: _open(item) for name, item in found.items() if name.casefold() not in _SECRET}


def list_users(studio: StudioClient) -> list[JsonObject]:
    """Each `{Status, User: {Email, Name, Role, UserId}}`. Raises `TargetError`."""
    return [cleaned(user) for user in studio.items(studio.url("users"), "list the users of the workspace")]


def addresses_in(given: Iterable[str]) -> list[str]:
    """The e-mail addresses of texts that may each hold several with commas between, each once.

    Raises:
        RetrainctlError: RC950: some are no addresses, or there is none at all.
    """
    parts = [part.strip() for text in given for part in text.split(",")]
    found = list({part.casefold(): part for part in parts if part}.values())
    wrong = [part for part in found if not _EMAIL.fullmatch(part)]
    if wrong or not found:
        what = ", ".join(f'"{part}"' for part in wrong)
        message = f"{'this is' if len(wrong) == 1 else 'these are'} no e-mail address{'es' * (len(wrong) != 1)}: {what}"
        raise RetrainctlError(
            message if wrong else "no e-mail address was given",
            code="RC950",
            hint="Give addresses like name@example.com, several with blanks or commas between.",
        )
    return found


def invite_request(studio: StudioClient, emails: Sequence[str], role: str) -> Request:
    """The call that invites: a body in JSON."""
    return Request(method="POST", path=studio.url("invitations"), body={"Role": role, "Emails": ",".join(emails)})


def invite(studio: StudioClient, emails: Sequence[str], role: str, waiter: Waiter) -> None:
    """Invites by e-mail. Where the body is refused with 400, once more in the form that azuremlps sent.

    That one leaves the names of the members unquoted, and it is the only form that was ever seen to work (section 6).

    Raises:
        RetrainctlError: RC951: some were invited, but not all.
        TargetError: the service refused, in both forms.
    """
    request = invite_request(studio, emails, role)
    try:
        answer = studio.send(request, _WHAT, pause=waiter.pause)
    except Rejected as error:
        if error.status != 400:
            raise
        answer = _loosely(studio, request, waiter, error)
    waiter.sent(None, answer.request_id)
    _check(answer, emails)


def _loosely(studio: StudioClient, request: Request, waiter: Waiter, refused: Rejected) -> Answer:
    """The same with unquoted names, which no JSON writer makes. 400 said that nothing was done before."""
    body: Any = request.body
    text = "{" + ", ".join(f"{name}: {json.dumps(item, ensure_ascii=False)}" for name, item in body.items()) + "}"
    try:
        return studio.call(
            request.method,
            request.path,
            _WHAT,
            content=text.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            pause=waiter.pause,
        )
    except Rejected as error:
        if error.status == 400 and error.message != refused.message:
            error.message = f"{refused.message} Sent again with unquoted names: {error.message}"
            error.args = (error.message,)
        raise


def _check(answer: Answer, emails: Sequence[str]) -> None:
    """azuremlps knows an answer of `{Email, Failed, ErrorMessage}` each; one without a body says nothing (guess)."""
    told = answer.json() if answer.body.strip() else None
    results = told if isinstance(told, list) else []
    failed = [one for one in results if isinstance(one, dict) and one.get("Failed") is True]
    if failed:
        each = "; ".join(f"{one.get('Email')}: {one.get('ErrorMessage') or 'no reason is given'}" for one in failed)
        raise RetrainctlError(
            f"{len(failed)} of {len(emails)} could not be invited: {each}",
            code="RC951",
            hint="`retrainctl workspace users` shows who was; invite the others again when the cause is mended.",
        )


def _open(item: Any) -> Any:
    """An object of the workspace (`MsIdentity`) without its secrets."""
    if isinstance(item, dict):
        return {name: below for name, below in item.items() if name.casefold() not in _SECRET}
    return item
