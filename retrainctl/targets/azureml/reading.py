"""From what a workspace lists to `Observed`. Pure.

A deployment is seen together with its endpoint, which holds the traffic, and with the deployment that stands beside it
while it moves: the other one of a blue/green pair, or the stand-in of one that is replaced under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Final

from retrainctl.definition import azureml
from retrainctl.definition.azureml_ids import BATCH, ONLINE, PAIR, endpoint, last, owner
from retrainctl.definition.azureml_ids import deployment as deployment_id
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject

ENDPOINT: Final = "OnlineEndpoint"
TRAFFIC: Final = "OnlineTraffic"
DEPLOYMENT: Final = "OnlineDeployment"
BATCH_ENDPOINT: Final = "BatchEndpoint"
BATCH_DEFAULT: Final = "BatchDefault"
BATCH_DEPLOYMENT: Final = "BatchDeployment"
DEPLOYMENTS_OF: Final = frozenset({DEPLOYMENT, BATCH_DEPLOYMENT})

COLLECTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys((ENDPOINT, TRAFFIC, DEPLOYMENT), ONLINE),
    **dict.fromkeys((BATCH_ENDPOINT, BATCH_DEFAULT, BATCH_DEPLOYMENT), BATCH),
}
"""The collection that a kind's endpoints are in."""

_STAND_IN: Final = "-standin"
_LONGEST: Final = 32


def identity_of(desired: Desired, scope: str) -> str:
    """The id that a declared resource has or will have."""
    kind, place = desired.address.kind, desired.place
    collection = COLLECTIONS[kind]
    if kind in DEPLOYMENTS_OF:
        return deployment_id(scope, collection, place["endpoint"], place["name"])
    mark = {TRAFFIC: "#traffic", BATCH_DEFAULT: "#default"}.get(kind, "")
    return endpoint(scope, collection, place["name"]) + mark


def stand_in(name: str) -> str:
    """The name of the deployment that takes the traffic while `name` is made anew."""
    return name[: _LONGEST - len(_STAND_IN)] + _STAND_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A deployment with what it is seen together with.

    homes: the names that it may have: one, or the two of a blue/green pair. endpoint: as read. documents: those of its
    deployments that exist, the stand-in among them, by name.
    """

    homes: tuple[str, ...]
    endpoint: JsonObject
    documents: Mapping[str, JsonObject] = field(default_factory=dict)

    @property
    def traffic(self) -> dict[str, int]:
        return azureml.weights(_properties(self.endpoint).get("traffic"))

    @property
    def mirror(self) -> dict[str, int]:
        return azureml.weights(_properties(self.endpoint).get("mirrorTraffic"))

    @property
    def share(self) -> int:
        """What of the traffic is ours to move: all of it that no other deployment has."""
        return sum(self.traffic.get(name, 0) for name in self.documents)

    @property
    def others(self) -> int:
        """What of the traffic deployments have that are not of this company."""
        return sum(share for name, share in self.traffic.items() if name not in self.documents)

    @property
    def serving(self) -> str | None:
        """The one that serves: with the most traffic; of equals the one that works, then the older one."""

        def rank(name: str) -> tuple[Any, ...]:
            document = self.documents[name]
            made = str((document.get("systemData") or {}).get("createdAt") or "")  # type: ignore[union-attr]
            return -self.traffic.get(name, 0), not self.ready(name), made, self._order(name)

        return min(self.documents, key=rank, default=None)

    def ready(self, name: str) -> bool:
        """Whether a deployment exists and can take requests."""
        return name in self.documents and azureml.state_of(self.documents[name]) == "succeeded"

    def busy(self) -> bool:
        documents = (self.endpoint, *self.documents.values())
        return any(azureml.state_of(document) in azureml.BUSY for document in documents)

    def _order(self, name: str) -> int:
        return self.homes.index(name) if name in self.homes else len(self.homes)


def company(identity: str, endpoint: JsonObject, deployments: Mapping[str, JsonObject]) -> Company:
    """The company of the deployment `identity`, out of all deployments of its endpoint."""
    homes = tuple(last(identity).split(PAIR))
    names = homes if len(homes) > 1 else (*homes, stand_in(homes[0]))
    folded = {name.casefold(): document for name, document in deployments.items()}
    found = {name: folded[name.casefold()] for name in names if name.casefold() in folded}
    return Company(homes=homes, endpoint=endpoint, documents=found)


def company_of(observed: Observed) -> Company:
    """The company that an observed online deployment was seen in."""
    document: Any = observed.document
    return company(observed.identity, document["endpoint"], document["deployments"])


def observe_company(address: Address, identity: str, seen: Company, scope: str) -> Observed | None:
    """The deployment that serves, as the resource; what stands beside it makes it unfinished."""
    serving = seen.serving
    if serving is None:
        return None
    found = azureml.observe_deployment(address, identity, seen.documents[serving], scope)
    beside = sorted(name for name in seen.documents if name != serving)
    unfinished = f"{', '.join(beside)} beside {serving}" if beside else None
    if unfinished is None and serving not in seen.homes:
        unfinished = f"{serving} in place of {seen.homes[0]}"
    document: JsonObject = {"endpoint": seen.endpoint, "deployments": dict(seen.documents), "serving": serving}
    return replace(found, document=document, busy=seen.busy(), unfinished=unfinished)


def observe(
    address: Address, identity: str, endpoint: JsonObject, deployments: Mapping[str, JsonObject], scope: str
) -> Observed | None:
    """A resource of any of our kinds; None where it does not exist. `deployments` are those of the endpoint."""
    match address.kind:
        case "OnlineTraffic":
            return azureml.observe_traffic(address, identity, endpoint)
        case "BatchDefault":
            return azureml.observe_default(address, identity, endpoint)
        case "OnlineDeployment":
            return observe_company(address, identity, company(identity, endpoint, deployments), scope)
        case "BatchDeployment":
            wanted = last(identity).casefold()
            document = next((one for name, one in deployments.items() if name.casefold() == wanted), None)
            return None if document is None else azureml.observe_deployment(address, identity, document, scope)
        case _:
            return azureml.observe_endpoint(address, identity, endpoint, scope)


def facts(
    wanted: Sequence[Desired],
    identities: Mapping[Address, str],
    endpoints: Mapping[str, JsonObject],
    deployments: Mapping[str, Mapping[str, JsonObject]],
    missing_models: Sequence[str],
) -> dict[str, Any]:
    """What judging a change needs to know beside the resource itself. Endpoints are called by their ids in lower case.

    `endpoints`: those that exist or are declared. `deployments`: of each, the names that exist or are declared.
    `alternating`: of each, the names that a blue/green deployment gives traffic to by itself. `missingModels`: ids of
    model versions that are wanted and not registered.
    """
    names: dict[str, set[str]] = {key: set(found) for key, found in deployments.items()}
    alternating: dict[str, list[str]] = {}
    known = set(endpoints)
    for desired in wanted:
        identity = identities[desired.address]
        key = owner(identity).casefold()
        if desired.address.kind in DEPLOYMENTS_OF:
            homes = last(identity).split(PAIR)
            names.setdefault(key, set()).update(homes)
            if len(homes) > 1:
                alternating.setdefault(key, []).extend(homes)
        else:
            known.add(key)
    return {
        "endpoints": sorted(known),
        "deployments": {key: sorted(found) for key, found in names.items()},
        "alternating": alternating,
        "missingModels": sorted(missing_models),
    }


def _properties(document: JsonObject) -> Mapping[str, Any]:
    properties = document.get("properties")
    return properties if isinstance(properties, Mapping) else {}
