"""What the management API refuses in names and settings (classic-api.md 4.6, 4.7, 4.11)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from retrainctl.emulator.classic.dialect import bad_argument
from retrainctl.emulator.classic.records import Service, Settings
from retrainctl.emulator.knobs import Knobs

FIELDS: Final = ("Description", "ThrottleLevel", "MaxConcurrentCalls", "DiagnosticsTraceLevel")
"""What the swagger's prose says that PATCH sets beside `Resources`."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")
_SERVICE_ID: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST_DESCRIPTION: Final = 2000
_LOW_CALLS: Final = 4
_HIGH_CALLS: Final = 20
_MOST_CALLS: Final = 200
_LIMITS: Final = {"Free": 3, "Standard": 10_000}


def check_service_id(identifier: str) -> None:
    if not _SERVICE_ID.fullmatch(identifier):
        raise bad_argument("WebServiceIdInvalid", f"The web service id '{identifier}' is not 32 hexadecimal digits.")


def check_name(name: str) -> None:
    """At most 24 of lower-case letters, digits and inner hyphens."""
    if not _NAME.fullmatch(name):
        raise bad_argument(
            "BadParameterValue",
            f"The endpoint name '{name}' is invalid: at most 24 characters, numbers and lower case letters only, with "
            "hyphens allowed anywhere except the first and the last character.",
        )


def check_identity(body: dict[str, Any], service: str, name: str) -> None:
    """The members of a PUT that repeat its URL, where they are given."""
    for member, expected in (("WebServiceId", service), ("EndpointName", name)):
        given = body.get(member)
        if given is not None and str(given).lower() != expected:
            raise bad_argument("BadParameterValue", f"{member} is '{given}', but the URL says '{expected}'.")


def check_room(service: Service, knobs: Knobs) -> None:
    """One more endpoint must be within the limit of the workspace; the code is a guess (T29)."""
    tier = knobs.text("classic-tier")
    if service.endpoints >= _LIMITS[tier]:
        raise bad_argument(
            "EndpointLimitReached",
            f"A web service can have at most {_LIMITS[tier]} endpoints in a {tier} workspace.",
        )


def settings_of(body: dict[str, Any], before: Settings, knobs: Knobs) -> Settings:
    """The settings after a body: what it does not name stays as `before`.

    Raises:
        Refusal: a value that is not allowed.
    """
    description = body.get("Description")
    throttle = body.get("ThrottleLevel")
    diagnostics = body.get("DiagnosticsTraceLevel")
    if description is not None and (not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION):
        raise bad_argument("BadParameterValue", "Description is a text of at most 2000 characters.")
    if throttle is not None and throttle not in ("Low", "High"):
        raise bad_argument("BadParameterValue", "ThrottleLevel is Low or High.")
    if diagnostics is not None and diagnostics not in ("None", "Error", "All"):
        raise bad_argument("BadParameterValue", "DiagnosticsTraceLevel is None, Error or All.")
    if throttle == "High" and knobs.text("classic-tier") == "Free":
        raise bad_argument("BadParameterValue", "ThrottleLevel High is not available in a Free workspace.")
    level = throttle or before.throttle
    return replace(
        before,
        description=before.description if description is None else description,
        throttle=level,
        calls=_calls(body.get("MaxConcurrentCalls"), level, before, knobs),
        diagnostics=diagnostics or before.diagnostics,
    )


def prevent_update(body: dict[str, Any]) -> bool:
    """Only a PUT says it."""
    given = body.get("PreventUpdate")
    if given is not None and not isinstance(given, bool):
        raise bad_argument("BadParameterValue", "PreventUpdate is true or false.")
    return bool(given)


def _calls(given: Any, level: str, before: Settings, knobs: Knobs) -> int:
    """At Low it is 4 whatever was given; at High 20 unless given."""
    if given is not None and (not isinstance(given, int) or isinstance(given, bool)):
        raise bad_argument("BadParameterValue", "MaxConcurrentCalls is a whole number.")
    if level == "Low":
        return _LOW_CALLS
    least = knobs.text("classic-max-calls")
    if least == "ignored":
        return _HIGH_CALLS
    if given is None:
        return before.calls if before.throttle == "High" else _HIGH_CALLS
    if given < int(least):
        raise bad_argument(
            "WebServiceConcurrentRequestRequirementInvalid", f"MaxConcurrentCalls must be from {least} to 200."
        )
    if given > _MOST_CALLS:
        raise bad_argument(
            "WebServiceTooManyConcurrentRequestRequirement", f"MaxConcurrentCalls must be from {least} to 200."
        )
    return given
