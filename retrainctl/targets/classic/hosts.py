"""Where the APIs of a workspace are, by its location (classic-api.md section 2).

The services host is not here on purpose: it is read from each endpoint's `ApiLocation`, never built.
"""

from __future__ import annotations

from typing import Final

from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.model.environment import ClassicSettings

OVERRIDES: Final = ("management", "studio")
"""Names that `classic.hosts` of an environment may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Base addresses without closing slash; `studio` includes `/api`."""

    management: str
    studio: str


def _azure(prefix: str, domain: str = "azureml.net") -> Hosts:
    lead = f"{prefix}." if prefix else ""
    return Hosts(management=f"https://{lead}management.{domain}", studio=f"https://{lead}studioapi.{domain}/api")


LOCATIONS: Final = {
    "South Central US": _azure(""),
    "West Europe": _azure("europewest"),
    "Southeast Asia": _azure("asiasoutheast"),
    "Japan East": _azure("japaneast"),
    "West Central US": _azure("uswestcentral"),
    "Germany Central": _azure("germanycentral", "azureml.de"),
    "Integration Test": _azure("", "azureml-int.net"),
}
"""azuremlps refuses every other location before it sends anything; names are compared without case."""

_BY_NAME: Final = {name.casefold(): hosts for name, hosts in LOCATIONS.items()}


def hosts_of(settings: ClassicSettings) -> Hosts:
    """The addresses of the workspace's region, or what the settings name instead.

    Raises:
        InvalidInput: RC360, the location is not known and `hosts` does not help; or `hosts` has another name in it.
    """
    given = {name: address.rstrip("/") for name, address in settings.hosts.items()}
    if wrong := sorted(set(given) - set(OVERRIDES)):
        raise _problem(f"classic.hosts knows no address called {wrong[0]}", f"It may name {' and '.join(OVERRIDES)}.")
    known = _BY_NAME.get(" ".join(settings.location.split()).casefold())
    if known is None and "management" not in given:
        hint = f"Known locations: {', '.join(LOCATIONS)}. For any other, name the addresses in classic.hosts."
        raise _problem(f'there is no Classic location "{settings.location}"', hint)
    management = given.get("management") or (known.management if known is not None else "")
    return Hosts(management=management, studio=given.get("studio") or (known.studio if known is not None else ""))


def _problem(message: str, hint: str) -> InvalidInput:
    return InvalidInput([Diagnostic(code="RC360", message=message, hint=hint)], message)
