"""What servers and files spell differently although it means the same: the rules, as data.

Each row stands for a line of arm-webservices.md section 5. Paths are those of the flat fields `{location, tags,
**properties}`; `*` stands for any member name.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Json, Path


class Reason(StrEnum):
    """Why a difference of form is no difference of meaning; plans show these codes."""

    READ_ONLY = "read_only"
    WRITE_ONLY = "write_only"
    SECRET = "secret"  # noqa: S105 - the name of a reason, not a secret
    SERVER_DEFAULT = "server_default"
    LOCATION_FORM = "location_form"
    NULL_DROPPED = "null_dropped"
    EMPTY_EQUALS_ABSENT = "empty_equals_absent"
    ENCRYPTED_VALUE = "encrypted_value"
    PARAMETER_FORM = "parameter_form"
    SAS_QUERY = "sas_query"
    TIME_FORM = "time_form"


class Effect(Enum):
    """What a rule does to the value at its path."""

    DROP = "leave the member out"
    DROP_IF = "leave the member out when it equals `value`"
    CUT_QUERY = "cut the query off a URI"
    LIFT = "a 2016 text becomes a 2017 object; ciphertext and signatures become a mark"
    MASK = "a signature or password in a text becomes a mark"
    FOLD = "compare without blanks and case"
    UTC = "a moment in UTC, its fraction without closing zeros"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `compared_only`: the member stays in the fields, for people to see and to declare, and is left out
    only where two whole resources are compared (the fingerprint)."""

    path: Path
    effect: Effect
    reason: Reason
    value: Json = None
    compared_only: bool = False


def _drop(reason: Reason, *paths: Path) -> tuple[Rule, ...]:
    return tuple(Rule(path=path, effect=Effect.DROP, reason=reason) for path in paths)


def _same_as_absent(value: Json, *paths: Path) -> tuple[Rule, ...]:
    return tuple(
        Rule(path=path, effect=Effect.DROP_IF, value=value, reason=Reason.EMPTY_EQUALS_ABSENT) for path in paths
    )


def _default(value: Json, path: Path, *, compared_only: bool = True) -> Rule:
    return Rule(
        path=path, effect=Effect.DROP_IF, value=value, reason=Reason.SERVER_DEFAULT, compared_only=compared_only
    )


READ_ONLY_ENVELOPE: Final = ("id", "name", "type", "etag", "systemData")
"""Identity and server values beside `properties`. The 2016 form writes `name` (13.3)."""

READ_ONLY_PROPERTIES: Final = ("createdOn", "modifiedOn", "provisioningState", "swaggerLocation")
"""Server values inside `properties` (section 4.2)."""

RULES: Final[tuple[Rule, ...]] = (
    *_drop(Reason.READ_ONLY, *((name,) for name in (*READ_ONLY_ENVELOPE, *READ_ONLY_PROPERTIES))),
    *_drop(Reason.WRITE_ONLY, ("keys",), ("storageAccount", "key")),
    *_same_as_absent("", ("assets", "*", "locationInfo", "credentials"), ("payloadsLocation", "credentials")),
    *_drop(Reason.SECRET, ("assets", "*", "locationInfo", "credentials"), ("payloadsLocation", "credentials")),
    *(
        Rule(path=path, effect=Effect.CUT_QUERY, reason=Reason.SAS_QUERY)
        for path in (("assets", "*", "locationInfo", "uri"), ("payloadsLocation", "uri"))
    ),
    *(
        Rule(path=path, effect=Effect.LIFT, reason=Reason.PARAMETER_FORM)
        for path in (("parameters", "*"), ("package", "nodes", "*", "parameters", "*"))
    ),
    Rule(path=("exampleRequest", "globalParameters", "*"), effect=Effect.MASK, reason=Reason.SECRET),
    *_same_as_absent(
        "",
        ("input", "properties", "*", "format"),
        ("output", "properties", "*", "format"),
        ("input", "properties", "*", "properties", "*", "format"),
        ("output", "properties", "*", "properties", "*", "format"),
    ),
    *_same_as_absent(
        {},
        ("tags",),
        ("parameters",),
        ("storageAccount",),
        ("exampleRequest", "globalParameters"),
        ("package", "nodes", "*", "parameters"),
        ("package", "graphParameters"),
        ("assets", "*", "inputPorts"),
        ("assets", "*", "outputPorts"),
        ("assets", "*", "metadata"),
    ),
    *_same_as_absent([], ("assets", "*", "parameters")),
    _default(False, ("payloadsInBlobStorage",), compared_only=False),
    _default(False, ("readOnly",)),
    _default(False, ("exposeSampleData",)),
    _default({"maxConcurrentCalls": 20}, ("realtimeConfiguration",)),
    Rule(path=("diagnostics", "expiry"), effect=Effect.UTC, reason=Reason.TIME_FORM),
    Rule(path=("commitmentPlan",), effect=Effect.DROP, reason=Reason.WRITE_ONLY, compared_only=True),
    Rule(path=("location",), effect=Effect.FOLD, reason=Reason.LOCATION_FORM, compared_only=True),
)
"""Applied outermost last: a map that becomes empty by an inner rule is then empty.

`diagnostics` has no default here: GET shows `{"level": "None"}` where it was sent and nothing where it was not
(arm-webservices.md 4.2), so the two can be told apart."""
