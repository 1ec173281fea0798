"""Many endpoints, many clients, and a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.classic_service import (
    SERVICES,
    ClassicService,
    make_classic,
    refused,
    scoring_definition,
    seed_classic,
)
from tests.support.emulator_process import Emulator, running


def test_a_thousand_endpoints_are_one_list(emulator: Emulator, tmp_path: Path) -> None:
    names = [f"rentalloc{number:04d}" for number in range(1000)]
    seed_classic(emulator, tmp_path, {"definition": scoring_definition(), "endpoints": names})
    (service,) = emulator.http.get(SERVICES).json()
    assert service["EndpointCount"] == 1001
    endpoints = ClassicService(emulator, service["Id"]).list()
    assert [one["Name"] for one in endpoints] == ["default", *names]
    for member in ("ApiLocation", "PrimaryKey", "SecondaryKey"):
        assert len({one[member] for one in endpoints}) == 1001


def test_the_limit_of_ten_thousand_is_kept(emulator: Emulator, tmp_path: Path) -> None:
    names = [f"e{number}" for number in range(9998)]
    seed_classic(emulator, tmp_path, {"definition": scoring_definition(), "endpoints": names})
    (found,) = emulator.http.get(SERVICES).json()
    service = ClassicService(emulator, found["Id"])
    service.add("last")
    assert "10000" in refused(service.put("more"), 400, "EndpointLimitReached")
    assert len(service.list()) == 10_000


def test_clients_at_the_same_time_do_not_disturb_each_other(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults(classic_echo="echo")
    service = make_classic(emulator, tmp_path)

    def work(number: int) -> tuple[int, int, int]:
        name = f"loc{number % 40}"
        made = service.put(name, Description=f"{number}").status_code
        patched = service.point(name, f"hai/{number % 40}.ilearner").status_code
        return made, patched, service.http.get(service.at()).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(120))) == {(200, 200, 200)}
    endpoints = {one["Name"]: one for one in service.list()}
    assert len(endpoints) == 41
    for number in range(40):
        (model,) = endpoints[f"loc{number}"]["Resources"]
        assert model["Location"]["RelativeLocation"] == f"hai/{number}.ilearner"
        assert service.effects("PATCH", f"loc{number}") == 3
    assert emulator.http.get(service.url).json()["EndpointCount"] == 41


def test_racing_creations_within_the_limit(emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults(classic_tier="Free", classic_put_existing="conflict")
    service = make_classic(emulator, tmp_path)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: service.put(f"e{number % 4}").status_code, range(16)))
    assert statuses.count(200) == 2
    assert len(service.list()) == 3


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulator:
        emulator.faults(classic_echo="echo")
        service = make_classic(emulator, tmp_path)
        service.add("one", Description="Köln")
        service.point("one", "hai/1.ilearner")
        service.redeploy()
        before = service.list()
    with running(tmp_path / "state") as emulator:
        emulator.faults(classic_echo="echo")
        after = ClassicService(emulator, service.url.rpartition("/")[2]).list()
    for endpoint in (*before, *after):
        endpoint["ApiLocation"] = endpoint["ApiLocation"].rpartition("/workspaces/")[2]
    assert after == before
