"""A project with many endpoints of one Classic service, and what is live of them, as files: for whole commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrainctl.definition.endpoint import proper

WORKSPACE = "00000000000000000000000000000001"
SERVICE = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
SLOT = "Bike Rental [trained model]"
NAME = "Bike Rental Scoring"
BLOBS = "https://bikerentals.blob.core.windows.net/models/bike-rental"
EXPERIMENT = f"https://studioapi.azureml.net/api/workspaces/{WORKSPACE}/experiments/{WORKSPACE}.f-id.1"


def blob(item: str, version: int) -> str:
    return f"{BLOBS}/{item}-{version}.ilearner"


def make_project(folder: Path, count: int, *, documents: bool = False, version: int = 2) -> Path:
    """`count` endpoints at `version`, from one `forEach` over a CSV file, or from as many documents."""
    (folder / "manifests").mkdir(parents=True)
    (folder / "retrainctl.yaml").write_text(
        "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: estate}\n"
        "spec:\n  environments:\n    local: {emulator: {}}\n"
    )
    items = [f"{n:04}" for n in range(1, count + 1)]
    rows = "".join(f"bike-{i},{v},{blob(i, v)}\n" for i in items for v in (1, 2))
    (folder / "versions.csv").write_text("model,version,uri\n" + rows)
    if documents:
        text = "---\n".join(_models(i) + "---\n" + _endpoint(i, version) for i in items)
    else:
        (folder / "locations.csv").write_text("id,version\n" + "".join(f"{i},{version}\n" for i in items))
        each = "forEach: {csv: ../locations.csv}\n"
        text = _models("{{ item.id }}", each) + "---\n" + _endpoint("{{ item.id }}", "{{ item.version }}", each)
    (folder / "manifests" / "estate.yaml").write_text(text)
    return folder


def _models(item: str, each: str = "") -> str:
    return (
        f'apiVersion: retrainctl/v1\nkind: Model\nmetadata: {{name: "bike-{item}"}}\n{each}'
        "spec: {versions: {csv: ../versions.csv}}\n"
    )


def _endpoint(item: str, version: int | str, each: str = "") -> str:
    return (
        f'apiVersion: retrainctl/v1\nkind: Endpoint\nmetadata: {{name: "rentalloc{item}"}}\n{each}'
        f'spec:\n  webService: {NAME}\n  description: "rentalloc{item}"\n  throttleLevel: High\n'
        f'  maxConcurrentCalls: 20\n  models: {{"{SLOT}": "bike-{item}@{version}"}}\n'
    )


def service(**more: Any) -> dict[str, Any]:
    return {
        "Id": SERVICE,
        "Name": NAME,
        "Description": "",
        "CreationTime": "2016-02-05T04:11:22Z",
        "WorkspaceId": WORKSPACE,
        "DefaultEndpointName": "default",
        **more,
    }


def endpoint(name: str, **more: Any) -> dict[str, Any]:
    """As the management API answers, keys and tokens included; all made up."""
    return {
        "Name": name,
        "Description": name,
        "CreationTime": "2016-02-05T04:11:22Z",
        "WorkspaceId": WORKSPACE,
        "WebServiceId": SERVICE,
        "HelpLocation": f"https://studio.azureml.net/apihelp/workspaces/{WORKSPACE}/webservices/{SERVICE}/{name}/score",
        "PrimaryKey": f"CANARYprimary{name}==",
        "SecondaryKey": f"CANARYsecondary{name}==",
        "ApiLocation": f"https://ussouthcentral.services.azureml.net/workspaces/{WORKSPACE}/services/id-of-{name}",
        "Version": "2016-02-05T04:11:22Z",
        "PreventUpdate": False,
        "SampleDataEnabled": False,
        "ExperimentLocation": EXPERIMENT,
        "MaxConcurrentCalls": 20,
        "DiagnosticsTraceLevel": "None",
        "ThrottleLevel": "High",
        "Resources": [resource(SLOT, f"{BLOBS}/default.ilearner")],
        **more,
    }


def resource(name: str, uri: str) -> dict[str, Any]:
    base, _, relative = uri.partition(".net/")
    token = "?sv=2015-04-05&sr=b&sig=CANARYsignature%3D&se=2016-02-06T04%3A11%3A22Z&sp=r"
    location = {"BaseLocation": f"{base}.net/", "RelativeLocation": relative, "SasBlobToken": token}
    return {"Name": name, "Kind": "TrainedModel", "Location": location}


def make_snapshot(folder: Path, count: int, *, stale_every: int = 10, pulled: bool = False) -> Path:
    """A complete snapshot whose ledger says version 2 for all but every `stale_every`-th endpoint, which has 1.

    pulled: as `snapshot pull` writes it; else as the API answers, with keys and tokens.
    """
    root = folder / "snapshot"
    place = root / "classic" / WORKSPACE
    (place / SERVICE).mkdir(parents=True)
    default = endpoint("default", ThrottleLevel="Low", MaxConcurrentCalls=4)
    names = {n: f"rentalloc{n:04}" for n in range(1, count + 1)}
    (place / "webservices.json").write_text(json.dumps([service(EndpointCount=count + 1)]))
    listed = [default, *map(endpoint, names.values())]
    (place / SERVICE / "endpoints.json").write_text(json.dumps([*map(proper, listed)] if pulled else listed))
    applied = {}
    for n, name in names.items():
        version = 1 if n % stale_every == 0 else 2
        slot = {"uri": blob(f"{n:04}", version), "model": f"bike-{n:04}", "version": version}
        identity = f"/workspaces/{WORKSPACE}/webservices/{SERVICE}/endpoints/{name}"
        fields = {"Description": name, "ThrottleLevel": "High", "MaxConcurrentCalls": 20}
        applied[f"Endpoint/{name}"] = {"identity": identity, "slots": {SLOT: slot}, "created": True, "fields": fields}
    (root / "applied.json").write_text(json.dumps(applied))
    targets = {"arm": {}, "classic": {"scope": f"/workspaces/{WORKSPACE}"}}
    head = {"format": 1, "complete": True, "names": "encoded", "environment": "local", "targets": targets}
    (root / "snapshot.json").write_text(json.dumps(head))
    return root
