"""The resource providers and their types, as the recorded provider GET of 2017-04-26 lists them."""

from __future__ import annotations

from typing import Any, Final

from retrainctl.emulator.arm.regions import REGIONS

BOTH: Final = ["2017-01-01", "2016-05-01-preview"]
_MOVABLE: Final = "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove"
_HOME: Final = ["South Central US"]


def _type(name: str, locations: list[str], versions: list[str], capabilities: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"resourceType": name, "locations": locations, "apiVersions": versions}
    if capabilities is not None:
        entry["capabilities"] = capabilities
    return entry


PROVIDERS: Final[dict[str, dict[str, Any]]] = {
    "Microsoft.MachineLearning": {
        "authorization": {
            "applicationId": "0736f41a-0425-4b46-bdb5-1563eff02385",
            "roleDefinitionId": "1cc297bc-1829-4524-941f-966373421033",
        },
        "resourceTypes": [
            _type(
                "Workspaces",
                ["South Central US", "West Europe", "Southeast Asia", "Japan East", "West Central US"],
                ["2016-04-01"],
                f"{_MOVABLE}, SystemAssignedResourceIdentity",
            ),
            _type("webServices", list(REGIONS), BOTH, _MOVABLE),
            _type("operations", _HOME, BOTH),
            _type("locations", _HOME, BOTH),
            _type("locations/operations", list(REGIONS), BOTH),
            _type("locations/operationsStatus", list(REGIONS), BOTH),
            _type("commitmentPlans", list(REGIONS), ["2016-05-01-preview"], _MOVABLE),
        ],
        "registrationState": "Registered",
    },
    "Microsoft.MachineLearningServices": {
        # azureml-v2.md section 1: every api-version of the types is taken.
        "resourceTypes": [
            _type(name, list(REGIONS), ["2026-07-01", "2025-12-01", "2024-10-01"])
            for name in (
                "workspaces",
                "workspaces/models",
                "workspaces/models/versions",
                "workspaces/onlineEndpoints",
                "workspaces/onlineEndpoints/deployments",
                "workspaces/batchEndpoints",
                "workspaces/batchEndpoints/deployments",
            )
        ],
        "registrationState": "Registered",
    },
    "Microsoft.Storage": {
        "resourceTypes": [
            _type("storageAccounts", list(REGIONS), ["2015-06-15"]),
            _type("operations", list(REGIONS), ["2015-06-15"]),
        ],
        "registrationState": "Registered",
    },
    "Microsoft.Resources": {
        "resourceTypes": [
            _type("resourceGroups", list(REGIONS), ["2025-04-01", "2022-12-01", "2021-04-01", "2016-02-01"]),
            _type("subscriptions", [], ["2022-12-01", "2016-06-01"]),
        ],
        "registrationState": "Registered",
    },
}
"""Namespace to the body of its GET without `id` and `namespace`."""

_VERBS: Final = {"read": "Read", "write": "Create or update", "delete": "Delete"}
OPERATIONS: Final = [
    {
        "name": f"Microsoft.MachineLearning/{kind}/{verb}",
        "display": {"provider": "Microsoft Azure Machine Learning", "resource": shown, "operation": f"{word} {shown}"},
    }
    for kind, shown in (
        ("webServices", "Web Services"),
        ("commitmentPlans", "Commitment Plans"),
        ("commitmentPlans/commitmentAssociations", "Commitment Plan Associations"),
    )
    for verb, word in _VERBS.items()
] + [
    {
        "name": f"Microsoft.MachineLearning/{action}",
        "display": {"provider": "Microsoft Azure Machine Learning", "resource": shown, "operation": operation},
    }
    for action, shown, operation in (
        ("webServices/listkeys/action", "Web Services", "Get the keys of Web Services"),
        ("commitmentPlans/join/action", "Commitment Plans", "Join Commitment Plans"),
        ("commitmentPlans/commitmentAssociations/move/action", "Commitment Plan Associations", "Move Associations"),
    )
]
"""Answer of Operations_List; its shape is in the swagger, the texts are ours."""


def supported(kind: str) -> tuple[list[str], list[str]]:
    """(api-versions, locations) of `Namespace/type`; no versions means that any will do (the gateway's own types)."""
    namespace, _, name = kind.partition("/")
    if namespace == "Microsoft.Resources":
        return [], []
    for entry in PROVIDERS[namespace]["resourceTypes"]:
        if entry["resourceType"].lower() == name.lower():
            return entry["apiVersions"], entry["locations"]
    return [], []
