"""A real emulator process for a test, and raw HTTP to talk to it: nothing of our own clients is used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/local"
SERVICES = f"{GROUP}/providers/Microsoft.MachineLearning/webServices"
PLANS = f"{GROUP}/providers/Microsoft.MachineLearning/commitmentPlans"
V17 = {"api-version": "2017-01-01"}
V16 = {"api-version": "2016-05-01-preview"}


class Emulator:
    """One running process. `http` carries a valid token, `bare` none."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any], state: Path) -> None:
        self.process = process
        self.ready = ready
        self.state = state
        self.url: str = ready["url"]
        verify: Any = ready.get("ca", True)
        if verify is not True:
            import ssl

            verify = ssl.create_default_context(cafile=verify)
        self.bare = httpx.Client(base_url=self.url, verify=verify, timeout=30)
        headers = {"Authorization": f"Bearer {ready['token']}"}
        self.http = httpx.Client(base_url=self.url, verify=verify, timeout=30, headers=headers)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control call that must succeed; its JSON."""
        headers = {"x-emulator-token": self.ready["control"]}
        response = self.bare.request(method, f"/_emulator/{path}", json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    def seed(self, *paths: Path) -> Any:
        return self.control("POST", "seed", {"paths": [str(path) for path in paths]})

    def faults(self, **knobs: Any) -> None:
        self.control("PUT", "faults", {name.replace("_", "-"): value for name, value in knobs.items()})

    def finished(self, response: httpx.Response) -> dict[str, Any]:
        """Poll an accepted write to its end; the last body."""
        assert response.status_code in (200, 201, 202), response.text
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            body: dict[str, Any] = self.http.get(response.headers["Azure-AsyncOperation"]).json()
            if body["status"] != "Provisioning":
                return body
            time.sleep(0.02)
        raise AssertionError(f"the operation did not end: {body}")

    def close(self) -> None:
        self.bare.close()
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=20)


@contextmanager
def running(state: Path, *arguments: str) -> Iterator[Emulator]:
    """An emulator over `state`; ended with the block."""
    log = (state.parent / f"{state.name}.log").open("wb")
    with log:
        command = [sys.executable, "-m", "retrainctl.emulator", "serve", "--state", str(state), *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        emulator = Emulator(process, _ready(process, state), state)
    except BaseException:
        process.kill()
        process.wait()
        raise
    try:
        yield emulator
    finally:
        emulator.close()


def _ready(process: subprocess.Popen[bytes], state: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            content: dict[str, Any] = json.loads((state / "emulator.json").read_bytes())
        except (OSError, ValueError):
            assert process.poll() is None, (state.parent / f"{state.name}.log").read_text()
            time.sleep(0.02)
        else:
            if content["pid"] == process.pid:
                return content
    raise AssertionError("the emulator was not ready")


def definition(**properties: Any) -> dict[str, Any]:
    """A small complete PUT body in the 2017 form: one model, one module, one input, one output."""
    model = {"name": "Census [trained model]", "type": "Resource"}
    return {
        "location": "southcentralus",
        "tags": {},
        "properties": {
            "packageType": "Graph",
            "title": "census",
            "storageAccount": {"name": "acct", "key": "c2VjcmV0"},
            "commitmentPlan": {"id": f"{PLANS}/plan1"},
            "assets": {
                "asset1": {
                    **model,
                    "locationInfo": {"uri": "https://acct.blob.core.windows.net/models/census/1.ilearner"},
                    "outputPorts": {"Results dataset": {"type": "Dataset"}},
                },
                "asset2": {"name": "Score Model", "type": "Module", "locationInfo": {"uri": "aml://module/score"}},
            },
            "package": {
                "nodes": {
                    "node1": {"assetId": "asset1"},
                    "node2": {
                        "assetId": "asset2",
                        "parameters": {
                            "Append score columns to output": {"value": "True", "certificateThumbprint": ""}
                        },
                    },
                    "node3": {"inputId": "input1"},
                    "node4": {"outputId": "output1"},
                },
                "edges": [
                    {
                        "sourceNodeId": "node1",
                        "sourcePortId": "Results dataset",
                        "targetNodeId": "node2",
                        "targetPortId": "Learner",
                    }
                ],
                "graphParameters": {},
            },
            "parameters": {},
            **properties,
        },
    }


def make_plan(emulator: Emulator, name: str = "plan1", **members: Any) -> dict[str, Any]:
    """A commitment plan in the local group."""
    sku = {"name": "S1", "tier": "Standard", "capacity": 1}
    body = {"location": "southcentralus", "sku": sku, **members}
    response = emulator.http.put(f"{PLANS}/{name}", params=V16, json=body)
    assert response.status_code == 200, response.text
    plan: dict[str, Any] = response.json()
    return plan


def make_service(emulator: Emulator, name: str = "census", **properties: Any) -> dict[str, Any]:
    """A provisioned service in the local group; its GET of 2017."""
    if emulator.http.get(f"{PLANS}/plan1", params=V16).status_code == 404:
        make_plan(emulator)
    body = emulator.finished(emulator.http.put(f"{SERVICES}/{name}", params=V17, json=definition(**properties)))
    assert body["status"] == "Succeeded", body
    return get_service(emulator, name)


def get_service(emulator: Emulator, name: str = "census", **params: str) -> dict[str, Any]:
    response = emulator.http.get(f"{SERVICES}/{name}", params=V17 | params)
    assert response.status_code == 200, response.text
    service: dict[str, Any] = response.json()
    return service
