"""The services API of a running emulator, by raw HTTP: scoring, batch jobs, and the examples' services."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from retrainctl.emulator.identity import account_key
from tests.support.emulator_process import SERVICES, V17, Emulator, get_service

WORKSPACE = "00000000000000000000000000000001"
MANAGEMENT = f"/workspaces/{WORKSPACE}/webservices"
V2 = {"api-version": "2.0"}
BUSY = ("NotStarted", "Running", 0, 1)


@dataclass
class Api:
    """One callable service."""

    emulator: Emulator
    path: str
    key: str

    def call(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", **more.pop("headers", {})}
        params = {**V2, **more.pop("params", {})}
        return self.emulator.bare.request(method, self.path + path, headers=headers, params=params, **more)

    def score(self, body: Any, **params: str) -> dict[str, Any]:
        response = self.call("POST", "/execute", json=body, params=params)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def table(self, body: Any, port: str = "output1") -> list[dict[str, Any]]:
        """Scored rows by column name."""
        value = self.score(body)["Results"][port]["value"]
        return [dict(zip(value["ColumnNames"], row, strict=True)) for row in value["Values"]]

    def submit(self, body: Any) -> str:
        response = self.call("POST", "/jobs", json=body)
        assert response.status_code == 200, response.text
        identifier: str = response.json()
        return identifier

    def start(self, body: Any) -> str:
        identifier = self.submit(body)
        assert self.call("POST", f"/jobs/{identifier}/start").status_code == 204
        return identifier

    def status(self, identifier: str) -> dict[str, Any]:
        response = self.call("GET", f"/jobs/{identifier}")
        assert response.status_code == 200, response.text
        status: dict[str, Any] = response.json()
        return status

    def ended(self, identifier: str) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            status = self.status(identifier)
            if status["StatusCode"] not in BUSY:
                return status
            time.sleep(0.05)
        raise AssertionError("the job did not end")


def new_service(emulator: Emulator, name: str) -> Api:
    """A New service of the local group."""
    location = get_service(emulator, name)["properties"]["swaggerLocation"]
    keys = emulator.http.get(f"{SERVICES}/{name}/listKeys", params=V17).json()
    return Api(emulator, "/" + location.split("/", 3)[3].rpartition("/")[0], keys["primary"])


def classic_service(emulator: Emulator, name: str, endpoint: str = "default") -> Api:
    """An endpoint of a Classic service of this name."""
    (service,) = [one for one in emulator.http.get(MANAGEMENT).json() if one["Name"] == name]
    found = emulator.http.get(f"{MANAGEMENT}/{service['Id']}/endpoints/{endpoint}").json()
    return Api(emulator, "/" + found["ApiLocation"].split("/", 3)[3], found["PrimaryKey"])


def connection(account: str) -> str:
    return f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={account_key(account)}"


def reference(account: str, path: str) -> dict[str, str]:
    """A blob as a job names it."""
    return {"ConnectionString": connection(account), "RelativeLocation": path}


def put_blob(emulator: Emulator, path: str, data: bytes, **headers: str) -> None:
    """Write `ACCOUNT/CONTAINER/BLOB`; the container must be there."""
    response = emulator.http.put(
        f"/{path}", content=data, headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02", **headers}
    )
    assert response.status_code == 201, response.text


def get_blob(emulator: Emulator, path: str) -> httpx.Response:
    return emulator.http.get(f"/{path}", headers={"x-ms-version": "2021-12-02"})
