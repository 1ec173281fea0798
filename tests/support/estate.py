"""A project with many small web services and an emulator that holds them: the ground for kill and race tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SLOT = "Demand [trained model]"
STORE = "https://demand.blob.core.windows.net/models"


def definition() -> dict[str, Any]:
    """A small predictive definition with one trained model slot and a member that nobody knows."""
    return {
        "properties": {
            "packageType": "Graph",
            "package": {"nodes": {"model": {"assetId": "asset1"}}, "edges": [], "graphParameters": {}},
            "title": "Demand",
            "storageAccount": {"name": "demand"},
            "input": {
                "type": "object",
                "properties": {"input1": {"type": "object", "properties": {"x": {"type": "Number"}}}},
            },
            "output": {"type": "object", "properties": {"output1": {"type": "object", "properties": {}}}},
            "assets": {
                "asset1": {
                    "name": SLOT,
                    "type": "Resource",
                    "locationInfo": {"uri": f"{STORE}/1.ilearner"},
                    "outputPorts": {"Results dataset": {"type": "Dataset"}},
                }
            },
            "futureMember": {"kept": True},
        },
        "location": "South Central US",
    }


def make_estate(folder: Path, count: int) -> Path:
    """Writes the project and its seed; the manifests ask for version `vars.version` (2) of one model everywhere."""
    (folder / "manifests").mkdir(parents=True)
    (folder / "seed").mkdir()
    (folder / "retrainctl.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: estate}\n"
        "spec:\n  vars: {version: 2}\n  environments:\n    local: {emulator: {}}\n"
    )
    versions = "".join(f"    - {{version: {n}, uri: '{STORE}/{n}.ilearner'}}\n" for n in range(1, 6))
    (folder / "manifests/demand.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: Model\nmetadata: {name: demand}\nspec:\n  versions:\n" + versions + "---\n"
        'apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: "svc-{{ item }}"}\n'
        f"forEach: {{range: [1, {count}]}}\n"
        f'spec:\n  models: {{"{SLOT}": "demand@{{{{ vars.version }}}}"}}\n'
    )
    (folder / "seed/demand.json").write_text(json.dumps(definition()))
    names = "".join(f"  - {{definition: demand.json, name: svc-{n}}}\n" for n in range(1, count + 1))
    (folder / "seed/seed.yaml").write_text("webServices:\n" + names)
    return folder
