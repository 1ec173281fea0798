"""Classic web services in a running emulator, by raw HTTP."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha512
from pathlib import Path
from typing import Any

import httpx

from tests.support.emulator_process import Emulator

WORKSPACE = "00000000000000000000000000000001"
SERVICES = f"/workspaces/{WORKSPACE}/webservices"
SLOT = "Bike Rental [trained model]"
BASELINE = "https://acct.blob.core.windows.net/models/base.ilearner"


def scoring_definition(slots: dict[str, str] | None = None, title: str = "Bike Rental Scoring") -> dict[str, Any]:
    """A predictive experiment: one input, one Score Model per trained model, one output each."""
    slots = {SLOT: BASELINE} if slots is None else slots
    assets: dict[str, Any] = {
        "score": {"name": "Score Model", "type": "Module", "locationInfo": {"uri": "aml://module/score"}}
    }
    nodes: dict[str, Any] = {"in": {"inputId": "input1"}}
    edges = []
    for number, (slot, uri) in enumerate(slots.items(), 1):
        assets[f"model{number}"] = {"name": slot, "type": "Resource", "locationInfo": {"uri": uri}}
        nodes |= {
            f"model{number}": {"assetId": f"model{number}"},
            f"score{number}": {"assetId": "score", "parameters": {}},
            f"out{number}": {"outputId": f"output{number}"},
        }
        for source, target, port in (
            (f"model{number}", f"score{number}", "Trained model"),
            ("in", f"score{number}", "Dataset"),
            (f"score{number}", f"out{number}", ""),
        ):
            edges.append({"sourceNodeId": source, "targetNodeId": target, "targetPortId": port})
    properties = {
        "packageType": "Graph",
        "title": title,
        "assets": assets,
        "package": {"nodes": nodes, "edges": edges, "graphParameters": {}},
    }
    return {"location": "South Central US", "properties": properties}


def seed_classic(emulator: Emulator, folder: Path, *services: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Load services given as items of the seed section, and other sections; what the seeding says."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed.yaml").write_text(json.dumps({"classic": list(services), **sections}))
    result: dict[str, Any] = emulator.seed(folder)["seeds"][0]
    return result


def sas(path: str, letters: str = "r", hours: float = 1.0, account: str = "acct") -> str:
    """`?...` for CONTAINER/BLOB, made by Azure's own library with the emulator's built-in key."""
    from azure.storage.blob import generate_blob_sas

    container, _, name = path.partition("/")
    key = base64.b64encode(sha512(f"retrainctl emulator|{account}|1".encode()).digest()).decode()
    expiry = datetime.now(UTC) + timedelta(hours=hours)
    return "?" + generate_blob_sas(account, container, name, account_key=key, permission=letters, expiry=expiry)


class ClassicService:
    """One service by id; `http` carries the workspace token."""

    def __init__(self, emulator: Emulator, identifier: str) -> None:
        self.emulator = emulator
        self.http = emulator.http
        self.url = f"{SERVICES}/{identifier}"

    def at(self, name: str = "") -> str:
        return f"{self.url}/endpoints/{name}" if name else f"{self.url}/endpoints"

    def put(self, name: str, **body: Any) -> httpx.Response:
        return self.http.put(self.at(name), json=body)

    def add(self, name: str, **body: Any) -> dict[str, Any]:
        """A new endpoint that must be made; its GET."""
        response = self.put(name, **body)
        assert response.is_success, response.text
        return self.get(name)

    def get(self, name: str) -> dict[str, Any]:
        response = self.http.get(self.at(name))
        assert response.status_code == 200, response.text
        endpoint: dict[str, Any] = response.json()
        return endpoint

    def list(self) -> list[dict[str, Any]]:
        response = self.http.get(self.at())
        assert response.status_code == 200, response.text
        endpoints: list[dict[str, Any]] = response.json()
        return endpoints

    def patch(self, name: str, **body: Any) -> httpx.Response:
        return self.http.patch(self.at(name), json=body)

    def point(self, name: str, path: str, token: str | None = "", slot: str = SLOT) -> httpx.Response:
        """Patch one slot to `CONTAINER/BLOB` of the account `acct`."""
        return self.patch(name, Resources=[resource(path, token, slot)])

    def refresh(self, name: str, overwrite: Any = "False") -> httpx.Response:
        return self.http.post(self.at(name) + "/refresh", json={"OverwriteResources": overwrite})

    def redeploy(self, definition: dict[str, Any] | None = None) -> dict[str, Any]:
        body = {"service": self.url.rpartition("/")[2]} | ({} if definition is None else {"definition": definition})
        result: dict[str, Any] = self.emulator.control("POST", "classic/redeploy", body)
        return result

    def effects(self, method: str, name: str) -> int:
        """How many calls of this verb took effect."""
        paths = self.emulator.control("GET", "counters")["paths"]
        count: int = paths[f"{method} {self.at(name)}"]["writes"]
        return count


def resource(path: str, token: str | None = "", slot: str = SLOT) -> dict[str, Any]:
    """An item of `Resources` in a PATCH."""
    location = {"BaseLocation": "https://acct.blob.core.windows.net/", "RelativeLocation": path, "SasBlobToken": token}
    return {"Name": slot, "Location": location}


def make_classic(emulator: Emulator, folder: Path, definition: dict[str, Any] | None = None) -> ClassicService:
    """The bike rental scoring service."""
    seed_classic(emulator, folder, {"definition": definition or scoring_definition()})
    (service,) = emulator.http.get(SERVICES).json()
    return ClassicService(emulator, service["Id"])


def refused(response: httpx.Response, status: int, code: str) -> str:
    """The useful sentence of an error answer: the first detail's message, else the message."""
    assert response.status_code == status, response.text
    assert response.headers["x-ms-request-id"]
    error = response.json()["error"]
    detail = error.get("details", [error])[0]
    assert detail["code"] == code, response.text
    message: str = detail["message"]
    return message
