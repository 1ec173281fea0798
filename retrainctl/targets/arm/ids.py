"""Resource ids of Azure Resource Manager: parsing, composing, comparing. Pure.

Ids compare without case: real traffic mixes `webServices` and `webservices`, `resourceGroups` and `resourcegroups`
(arm-webservices.md section 1).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from retrainctl.diagnostics import Diagnostic
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.patterns import late

PROVIDER: Final = "Microsoft.MachineLearning"
WEB_SERVICES: Final = "webServices"
COMMITMENT_PLANS: Final = "commitmentPlans"
PLAN_VERSION: Final = "2016-05-01-preview"
"""The only api-version that commitment plans have (arm-webservices.md section 12)."""

NOT_AN_ID: Final = "The passed in machine learning web service object does not have a valid ARM resource id."
"""The cmdlets' sentence for anything but the eight segments (arm-webservices.md section 1)."""

_ID: Final = late(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.MachineLearning"
    r"/(?P<type>[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_FORBIDDEN: Final = frozenset("<>*%&:?+/\\")
_LONGEST: Final = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceId:
    """The parts of an id, as written. `type` is `webServices`, `commitmentPlans` ..."""

    subscription: str
    resource_group: str
    type: str
    name: str

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/{PROVIDER}/{self.type}/{self.name}"
        )

    @property
    def path(self) -> str:
        """The id as a URL path, every segment percent-encoded as the cmdlets do it."""
        group, kind, name = (quote(part, safe="") for part in (self.resource_group, self.type, self.name))
        subscription = quote(self.subscription, safe="")
        return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{PROVIDER}/{kind}/{name}"


def parse(text: str) -> ResourceId:
    """Reads an id of exactly eight segments, of any type of this provider.

    Raises:
        InvalidInput: it is anything else.
    """
    match = _ID.fullmatch(text)
    if match is None:
        finding = Diagnostic(
            code="RC227",
            message=NOT_AN_ID,
            hint=f"write /subscriptions/S/resourceGroups/RG/providers/{PROVIDER}/{WEB_SERVICES}/NAME, not {text!r}",
        )
        raise InvalidInput([finding], NOT_AN_ID)
    return ResourceId(
        subscription=match["subscription"], resource_group=match["group"], type=match["type"], name=match["name"]
    )


def web_service(subscription: str, resource_group: str, name: str) -> str:
    """The id of a New web service."""
    return str(ResourceId(subscription=subscription, resource_group=resource_group, type=WEB_SERVICES, name=name))


def commitment_plan(subscription: str, resource_group: str, name: str) -> str:
    """The id of a commitment plan."""
    return str(ResourceId(subscription=subscription, resource_group=resource_group, type=COMMITMENT_PLANS, name=name))


def same(one: str, other: str) -> bool:
    """Whether two ids name one resource."""
    return key(one) == key(other)


def key(identity: str) -> str:
    """What ids are compared and indexed by."""
    return identity.rstrip("/").casefold()


def name_problem(name: str) -> str | None:
    """Why Azure would refuse a web service name, in one sentence; None for a good one (ARM template reference)."""
    if not name:
        return "the name is empty"
    if len(name) > _LONGEST:
        return f"the name has {len(name)} characters, at most {_LONGEST} are allowed"
    if bad := sorted(_FORBIDDEN & set(name)):
        return f"the name may not hold {' '.join(bad)}"
    return "the name may not end with a blank" if name.endswith(" ") else None
