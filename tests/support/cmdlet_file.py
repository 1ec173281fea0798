"""A definition file as Import- and Export-AzMlWebService treat it (arm-webservices.md section 13.3).

Written from the dossier alone, without our codec: what the two agree on, they agree on independently.
"""

from __future__ import annotations

import json
from typing import Any, Final

READ_ONLY: Final = {"createdOn", "modifiedOn", "provisioningState", "swaggerLocation"}
ENVELOPE: Final = ("properties", "location", "tags")
PROPERTIES: Final = (
    *("packageType", "package", "title", "description", "keys", "readOnly", "exposeSampleData"),
    *("realtimeConfiguration", "diagnostics", "storageAccount", "machineLearningWorkspace", "commitmentPlan"),
    *("input", "output", "exampleRequest", "assets", "parameters", "payloadsInBlobStorage", "payloadsLocation"),
)
PACKAGE: Final = ("nodes", "edges", "graphParameters")


def reimported(data: bytes) -> bytes:
    """What Export writes of what Import has read. Raises `ValueError` where the cmdlets would have refused the file."""
    document = json.loads(data.decode("utf-8-sig"))
    properties = _fixed(document["properties"], PROPERTIES)
    if document["properties"].get("packageType") != "Graph":
        raise ValueError("the discriminator must be spelt packageType, and be Graph")
    if not document.get("location"):
        raise ValueError("'Location' cannot be null.")
    for name, asset in (properties.get("assets") or {}).items():
        if not (asset.get("name") and asset.get("type") and (asset.get("locationInfo") or {}).get("uri")):
            raise ValueError(f"asset {name}: name, type and locationInfo.uri cannot be null")
    for holder in ("machineLearningWorkspace", "commitmentPlan"):
        if holder in properties and not properties[holder].get("id"):
            raise ValueError(f"'{holder}.Id' cannot be null.")
    if "package" in properties:
        properties["package"] = _fixed(properties["package"], PACKAGE)
        for node, item in (properties["package"].get("nodes") or {}).items():
            _objects(item.get("parameters"), f"Package.Nodes.{node}.Parameters")
    _objects(properties.get("parameters"), "Parameters")
    calls = (properties.get("realtimeConfiguration") or {}).get("maxConcurrentCalls", 4)
    if not 4 <= calls <= 200:
        raise ValueError("'MaxConcurrentCalls' is out of range")
    tree = _without_nulls({**_fixed(document, ENVELOPE), "properties": properties})
    return json.dumps(tree, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()


def _fixed(members: dict[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """The known members in their order, found whatever their case; what the class does not know is dropped."""
    folded = {name.casefold(): value for name, value in members.items()}
    return {name: folded[name.casefold()] for name in known if name.casefold() in folded and name not in READ_ONLY}


def _objects(parameters: Any, place: str) -> None:
    """From module 0.14 on a bare text is refused (azure-powershell #4022)."""
    for name, item in (parameters or {}).items():
        if not isinstance(item, dict):
            raise ValueError(f"Error converting value {item!r} to type 'WebServiceParameter'. Path '{place}[{name}]'")


def _without_nulls(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _without_nulls(item) for name, item in tree.items() if item is not None}
    return [_without_nulls(item) for item in tree] if isinstance(tree, list) else tree
