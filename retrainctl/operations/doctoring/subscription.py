"""What Azure Resource Manager allows: credentials, permissions, the resource groups, the provider and its regions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.operations.doctoring.report import Fact, NotApplicable, Patient, Said, problem
from retrainctl.targets.arm.client import PROVIDER, ArmClient

_NEEDED: Final = {
    "WebService": (f"{PROVIDER}/webServices/read", f"{PROVIDER}/webServices/write"),
    "CommitmentPlan": (f"{PROVIDER}/commitmentPlans/read", f"{PROVIDER}/commitmentPlans/write"),
}
_PLAN_OF_SERVICE: Final = f"{PROVIDER}/commitmentPlans/join/action"


def permissions(patient: Patient) -> Iterator[Said]:
    """Whether the signed-in identity may do what an apply of these manifests does, group by group."""
    client = _client(patient)
    if patient.environment.emulator is not None:
        raise NotApplicable("the emulator knows no roles")
    for group, needed in sorted(_needed(patient).items()):
        granted = client.permissions(group)
        missing = [action for action in needed if not allows(granted, action)]
        if missing:
            yield problem("RC925", f'resource group "{group}": not allowed: {", ".join(missing)}')
        else:
            yield Fact(f'resource group "{group}": {len(needed)} needed actions are allowed')


def groups(patient: Patient) -> Iterator[Said]:
    """Whether the resource groups are there; the first call that needs credentials."""
    client = _client(patient)
    for group in sorted(_needed(patient)):
        location = client.group_location(group)
        if location is None:
            yield problem("RC927", f'there is no resource group "{group}" in the subscription')
        else:
            yield Fact(f'resource group "{group}" in {location}')


def provider(patient: Patient) -> Iterator[Said]:
    """Whether web services are offered where the environment and the manifests want them."""
    client = _client(patient)
    offered = client.regions()
    if not offered:
        yield problem("RC926", f"the subscription offers no {PROVIDER}/webServices anywhere")
        return
    known = {folded(region) for region in offered}
    for location, who in _locations(patient).items():
        if folded(location) not in known:
            yield problem(
                "RC926",
                f'{who}: web services are not offered in "{location}"',
                f"Choose one of: {', '.join(sorted(offered))}.",
            )
    yield Fact(f"web services are offered in {len(offered)} regions")


def allows(granted: Sequence[Mapping[str, Any]], action: str) -> bool:
    """Whether a list of permissions (`actions`, `notActions`, both with `*`) allows an action."""
    return any(_matches(one.get("actions"), action) and not _matches(one.get("notActions"), action) for one in granted)


def folded(location: str) -> str:
    """A region's name without blanks and case: `South Central US` and `southcentralus` are one."""
    return "".join(location.split()).casefold()


def _matches(patterns: Any, action: str) -> bool:
    for pattern in patterns if isinstance(patterns, list | tuple) else ():
        rule = ".*".join(map(re.escape, str(pattern).split("*")))
        if re.fullmatch(rule, action, re.IGNORECASE):
            return True
    return False


def _client(patient: Patient) -> ArmClient:
    client = patient.arm()
    if client is None:
        raise NotApplicable("the environment has no `arm:` settings")
    return client


def _needed(patient: Patient) -> dict[str, tuple[str, ...]]:
    """Resource group -> the actions that these manifests need there."""
    assert patient.environment.arm is not None
    found: dict[str, dict[str, None]] = {}
    for desired in patient.loaded.desired:
        actions = _NEEDED.get(desired.address.kind)
        if actions is None:
            continue
        group = desired.place.get("resourceGroup") or patient.environment.arm.resource_group
        found.setdefault(group, {}).update(dict.fromkeys(actions))
        if desired.fields.get("commitmentPlan") is not None:
            found[group][_PLAN_OF_SERVICE] = None
    if not found:
        found[patient.environment.arm.resource_group] = dict.fromkeys(_NEEDED["WebService"])
    return {group: tuple(actions) for group, actions in found.items()}


def _locations(patient: Patient) -> dict[str, str]:
    assert patient.environment.arm is not None
    found: dict[str, str] = {}
    if patient.environment.arm.location:
        found[patient.environment.arm.location] = f'environment "{patient.environment.name}"'
    for desired in patient.loaded.desired:
        location = desired.fields.get("location")
        if desired.address.kind == "WebService" and isinstance(location, str):
            found.setdefault(location, str(desired.address))
    return found
