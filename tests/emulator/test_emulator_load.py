"""Many services and parallel clients: nothing lost, nothing done twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.emulator_process import SERVICES, V17, Emulator, definition

COUNT = 160
CLIENTS = 8


def test_parallel_clients_write_each_service_once(emulator: Emulator, tmp_path: Path) -> None:
    entries = [{"definition": definition(title="old"), "name": f"s{number}"} for number in range(COUNT)]
    (tmp_path / "seed.yaml").write_text(json.dumps({"webServices": entries}))
    emulator.seed(tmp_path)
    emulator.control("DELETE", "counters")

    def work(client: int) -> None:
        headers = {"Authorization": f"Bearer {emulator.ready['token']}"}
        with httpx.Client(base_url=emulator.url, headers=headers, timeout=60) as http:
            for number in range(client, COUNT, CLIENTS):
                body = {"properties": {"packageType": "Graph", "title": f"new {number}"}}
                response = http.patch(f"{SERVICES}/s{number}", params=V17, json=body)
                assert response.status_code == 200, response.text
                statuses = [http.get(response.headers["Azure-AsyncOperation"]).json()["status"] for _ in range(2)]
                assert statuses == ["Provisioning", "Succeeded"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    items = emulator.http.get(SERVICES, params=V17).json()["value"]
    assert {item["name"]: item["properties"]["title"] for item in items} == {
        f"s{number}": f"new {number}" for number in range(COUNT)
    }
    paths = emulator.control("GET", "counters")["paths"]
    writes = [count for path, count in paths.items() if path.startswith("PATCH")]
    assert writes == [{"requests": 1, "writes": 1}] * COUNT
