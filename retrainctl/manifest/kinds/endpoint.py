"""`Endpoint`: an added endpoint of a Classic web service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.context import Context
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.references import after, pinned
from retrainctl.manifest.suggest import hint
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired
from retrainctl.model.values import Path, Tree

_FIELDS: Final = {
    "description": "Description",
    "throttleLevel": "ThrottleLevel",
    "maxConcurrentCalls": "MaxConcurrentCalls",
    "preventUpdate": "PreventUpdate",
}
_REFRESHES: Final = {"graph": "refreshGraph", "all": "refreshAll"}
_PLACES: Final[Mapping[str, Path]] = {
    **{azure: (name,) for name, azure in _FIELDS.items()},
    "DiagnosticsTraceLevel": ("diagnostics", "level"),
    **dict.fromkeys(_REFRESHES.values(), ("refresh",)),
}
"""Where a field stands in the manifest; the fields have the service's names."""

_SERVICE: Final = "ClassicWebService"
_REFERENCE: Final = f"{_SERVICE}/"


def decode(instance: Instance, context: Context) -> Desired | None:
    """The endpoint with its declared fields and the versions of its slots."""
    classic = context.environment.classic
    slots = pinned(instance, context)
    service = _web_service(instance, context)
    waits = after(instance, context)
    if classic is None:
        context.no_target("classic", instance)
    if classic is None or slots is None or service is None or not _sound_throttling(instance, context):
        return None
    spec = instance.spec
    fields: dict[str, Tree] = {azure: spec[name] for name, azure in _FIELDS.items() if name in spec}
    if spec.get("throttleLevel") == "Low":
        fields.pop("MaxConcurrentCalls", None)
    if (diagnostics := spec.get("diagnostics")) is not None:
        fields["DiagnosticsTraceLevel"] = diagnostics["level"]
    if (refresh := _REFRESHES.get(spec.get("refresh", "never"))) is not None:
        fields[refresh] = "done"
    return Desired(
        address=instance.address,
        place={
            "webService": service,
            "name": spec.get("name", instance.address.name),
            "workspace": classic.workspace,
        },
        fields=fields,
        slots=slots,
        after=waits,
        origin=instance.origin,
        spans=_Spans(instance),
    )


def _sound_throttling(instance: Instance, context: Context) -> bool:
    """Whether the number of calls has a meaning: only High takes one, and an undeclared level could be either."""
    spec = instance.spec
    level = spec.get("throttleLevel")
    if "maxConcurrentCalls" not in spec or level == "High":
        return True
    # Said once for all of a forEach, at the manifest's own line.
    span = instance.document.span(("spec", "maxConcurrentCalls"))
    if level == "Low":
        message = "the service ignores maxConcurrentCalls at throttleLevel Low: there it is always 4"
        context.found.warning("RC370", message, span, "Leave it out, or say throttleLevel: High.")
        return True
    message = "maxConcurrentCalls needs throttleLevel: High beside it"
    context.found.error("RC370", message, span, "At Low, which is the default, the service ignores the number.")
    return False


def _web_service(instance: Instance, context: Context) -> str | None:
    """Name or id of the service; None, reported, when it names a manifest that is not there."""
    named: str = instance.spec["webService"]
    if not named.startswith(_REFERENCE):
        return named
    address = Address(_SERVICE, named.removeprefix(_REFERENCE))
    place = context.places.get(address)
    if place is not None:
        return place["webService"]
    if not context.unsure.about(address.kind, address.name):
        known = sorted(one.name for one in context.places if one.kind == _SERVICE)
        span = instance.span(("spec", "webService"), key=False)
        next_step = hint(address.name, known, "Classic web services")
        context.found.error("RC132", f"nothing declares {address}", span, next_step, str(instance.address))
    return None


@dataclass(slots=True, eq=False)
class _Spans(Mapping[Path, Span]):
    """The places of an endpoint's fields, found when asked for."""

    instance: Instance

    def __getitem__(self, path: Path) -> Span:
        at = (*_PLACES.get(path[0], path[:1]), *path[1:]) if path else path
        return self.instance.span(("spec", *at))

    def __iter__(self) -> Iterator[Path]:
        return ((name,) for name in self.instance.spec)

    def __len__(self) -> int:
        return len(self.instance.spec)


HANDLER = KindHandler(kind="Endpoint", schema="endpoint", stage=Stage.RESOURCES, decode=decode)
