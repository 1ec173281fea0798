"""A Classic workspace as manifests: its web services, and the endpoints that were added to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from retrainctl.definition.endpoint import slots
from retrainctl.operations.folding import Found

_LEVELS: Final = ("Low", "High")
_TRACES: Final = ("Error", "All")
_DEFAULT: Final = "default"


def from_workspace(
    services: Sequence[Mapping[str, Any]], endpoints: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Found]:
    """What manifests can declare of a workspace.

    Args:
        services: the web services as listed. endpoints: by service id, as listed.
    """
    names = Counter(str(service.get("Name")) for service in services)
    found: list[Found] = []
    for service in services:
        name, identifier = str(service.get("Name")), str(service["Id"])
        unique = names[name] == 1
        called = name if unique else f"{name} {identifier[:8]}"
        spec = {} if unique else {"id": identifier}
        found.append(Found(kind="ClassicWebService", name=called, spec=spec, group=called))
        default = service.get("DefaultEndpointName") or _DEFAULT
        found += [
            _endpoint(endpoint, name if unique else identifier, called)
            for endpoint in endpoints.get(identifier, ())
            if endpoint.get("Name") != default
        ]
    return found


def _endpoint(document: Mapping[str, Any], service: str, group: str) -> Found:
    """An added endpoint. What its slots serve is not declared: a read does not tell it (classic-api.md section 13)."""
    spec: dict[str, Any] = {"webService": service}
    if isinstance(description := document.get("Description"), str) and description:
        spec["description"] = description
    level, most = document.get("ThrottleLevel"), document.get("MaxConcurrentCalls")
    if level in _LEVELS:
        spec["throttleLevel"] = level
    if level == "High" and isinstance(most, int) and 1 <= most <= 200:
        spec["maxConcurrentCalls"] = most
    if (trace := document.get("DiagnosticsTraceLevel")) in _TRACES:
        spec["diagnostics"] = {"level": trace}
    return Found(
        kind="Endpoint", name=str(document.get("Name")), spec=spec, slots=dict.fromkeys(slots(document)), group=group
    )
