"""A planned change as the exact calls that carry it out (classic-api.md sections 4.7 to 4.9). Pure.

One builder makes both forms of a body: the planned one, where a mark stands for each SAS token, and the sent one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from retrainctl.definition.endpoint import FIELDS, REFRESHES
from retrainctl.model.change import Action, ModelChange, ResourceChange
from retrainctl.model.redaction import without_query
from retrainctl.model.values import MISSING, Tree
from retrainctl.targets.classic.ids import Place


class StepName(StrEnum):
    """The steps of a change; each is one call."""

    CREATE = "create"
    REFRESH = "refresh"
    UPDATE = "update"
    """A PATCH of settings."""
    PATCH = "patch"
    """A PATCH of models."""
    DELETE = "delete"


TOKEN_LATER: Final[Mapping[str, str]] = {"$unknown": "a read-only SAS token, made when this is sent"}
"""Stands in a planned body for a SAS token."""

UPLOADED: Final[Mapping[str, str]] = {"$unknown": "the uploaded file's address"}
"""Stands in a planned body for the blob of a model version that is only a file yet."""

TokenFor = Callable[[str], Tree]
"""The SAS token, with its question mark, that a blob can be read with; the blob is named by its URI."""

_CREATED_WITH: Final = frozenset({"Description", "ThrottleLevel", "MaxConcurrentCalls", "PreventUpdate"})
"""What a PUT was seen to carry (4.7). The rest, DiagnosticsTraceLevel, follows in a PATCH."""


def step_names(change: ResourceChange) -> Iterator[StepName]:
    """The steps of a change, in order. A refresh comes before the models: the other way round they could be lost."""
    match change.action:
        case Action.DELETE:
            yield StepName.DELETE
            return
        case Action.CREATE:
            yield StepName.CREATE
        case Action.REPLACE:
            yield from (StepName.DELETE, StepName.CREATE)
        case _ if any(entry.path[0] in REFRESHES for entry in change.fields):
            yield StepName.REFRESH
    if settings(change):
        yield StepName.UPDATE
    if change.models:
        yield StepName.PATCH


def settings(change: ResourceChange) -> dict[str, Any]:
    """The members of the PATCH that sets what is no model: those that a creation did not carry already.

    A guess: the service's own description says that PATCH takes them at the top level, nobody ever sent one (4.8).
    """
    made = change.action in (Action.CREATE, Action.REPLACE)
    return {
        entry.path[0]: entry.after
        for entry in change.fields
        if entry.path[0] in FIELDS
        and entry.after is not MISSING
        and not (made and entry.path[0] in _CREATED_WITH)
        and entry.path[0] != "PreventUpdate"
        and not (made and entry.path[0] == "DiagnosticsTraceLevel" and entry.after == "None")
    }


def creation_body(change: ResourceChange, place: Place) -> dict[str, Any]:
    """The PUT as azuremlps sends it: `Low` unless said otherwise, and at `Low` no number of calls."""
    wanted = change.wanted()
    throttle = wanted.get("ThrottleLevel", "Low")
    return {
        "WebServiceId": place.service,
        "EndpointName": place.endpoint,
        "Description": wanted.get("Description"),
        "ThrottleLevel": throttle,
        "MaxConcurrentCalls": None if throttle == "Low" else wanted.get("MaxConcurrentCalls"),
        "PreventUpdate": wanted.get("PreventUpdate", False),
    }


def refresh_body(change: ResourceChange) -> dict[str, str]:
    """`"True"` overwrites the models too. A text, for that is what azuremlps sends (4.9)."""
    overwrite = any(entry.path == ("refreshAll",) for entry in change.fields)
    return {"OverwriteResources": "True" if overwrite else "False"}


def models_body(change: ResourceChange, token: TokenFor) -> dict[str, Any]:
    """All slots of the change in one call."""
    return {"Resources": [{"Name": move.slot, "Location": _location(move, token)} for move in change.models]}


def _location(move: ModelChange, token: TokenFor) -> dict[str, Any]:
    if move.to_uri is None:
        return {"BaseLocation": UPLOADED, "RelativeLocation": UPLOADED, "SasBlobToken": TOKEN_LATER}
    base, relative = split(move.to_uri)
    return {"BaseLocation": base, "RelativeLocation": relative, "SasBlobToken": token(move.to_uri)}


def split(uri: str) -> tuple[str, str]:
    """A blob's URI as the service takes it: the account's address with a closing slash, and the path below it."""
    scheme, _, rest = without_query(uri).partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/", path.lstrip("/")
