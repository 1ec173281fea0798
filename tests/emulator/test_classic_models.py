"""Which model an endpoint serves: what PATCH takes, what a redeployment and a refresh change, what scoring shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.classic_service import (
    BASELINE,
    SLOT,
    ClassicService,
    make_classic,
    refused,
    resource,
    sas,
    scoring_definition,
    seed_classic,
)
from tests.support.emulator_process import Emulator

_ROW = ["winter", 1, 0, 0, "clear", 4.5, 60, 10.0]
_COLUMNS = ["season", "month", "weekday", "holiday", "weather", "temperature", "humidity", "windspeed"]


def baseline(path: str, location: str, **more: Any) -> dict[str, Any]:
    """A seeded model that says the mean rentals of a location, whatever the row."""
    data = {"bikeRental": {"location": location, "days": 60}}
    return {"path": f"acct/{path}", "generate": {"baselineModel": {"data": data, "label": "rentals"}}, **more}


@pytest.fixture
def service(emulator: Emulator, tmp_path: Path) -> ClassicService:
    """Three models are there: the experiment's own, and two in a private container; one more is public."""
    blobs = [baseline("models/base.ilearner", "0"), baseline("hai/1.ilearner", "1"), baseline("hai/2.ilearner", "2")]
    blobs.append(baseline("open/3.ilearner", "3", public="blob"))
    seed_classic(emulator, tmp_path / "blobs", blobs=blobs)
    return make_classic(emulator, tmp_path)


def score(service: ClassicService, name: str) -> float:
    endpoint = service.get(name)
    body = {"Inputs": {"input1": {"ColumnNames": _COLUMNS, "Values": [_ROW]}}, "GlobalParameters": {}}
    headers = {"Authorization": f"Bearer {endpoint['PrimaryKey']}"}
    url = endpoint["ApiLocation"] + "/execute?api-version=2.0"
    response = service.emulator.bare.post(url, json=body, headers=headers)
    assert response.status_code == 200, response.text
    table = response.json()["Results"]["output1"]["value"]
    return float(table["Values"][0][table["ColumnNames"].index("Scored Labels")])


def test_predictions_follow_the_patch_of_their_own_endpoint(service: ClassicService) -> None:
    for name in ("one", "two", "three"):
        service.add(name)
    before = score(service, "default")
    assert score(service, "one") == before
    assert service.point("one", "hai/1.ilearner", sas("hai/1.ilearner")).status_code == 200
    assert service.point("two", "hai/2.ilearner", sas("hai/2.ilearner").removeprefix("?")).status_code == 200
    assert score(service, "one") != before
    assert score(service, "two") not in (before, score(service, "one"))
    assert score(service, "three") == score(service, "default") == before


def test_the_new_model_may_take_effect_later(service: ClassicService) -> None:
    service.add("one")
    before = score(service, "one")
    service.emulator.faults(model_delay=30)
    service.emulator.control("PUT", "clock", {"now": "2030-01-01T00:00:00Z"})
    token = sas("hai/1.ilearner", hours=24 * 365 * 20)
    service.point("one", "hai/1.ilearner", token)
    assert score(service, "one") == before
    service.emulator.control("PUT", "clock", {"advance": 31})
    assert score(service, "one") != before


def test_the_model_is_copied_at_the_patch(service: ClassicService) -> None:
    service.add("one")
    service.point("one", "hai/1.ilearner", sas("hai/1.ilearner"))
    served = score(service, "one")
    path = "/acct/hai/1.ilearner" + sas("hai/1.ilearner", "rwd")
    content = service.emulator.bare.get("/acct/hai/2.ilearner" + sas("hai/2.ilearner")).content
    header = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-08-06"}
    assert service.emulator.bare.put(path, content=content, headers=header).status_code == 201
    assert score(service, "one") == served
    assert service.emulator.bare.delete(path, headers={"x-ms-version": "2021-08-06"}).status_code == 202
    assert score(service, "one") == served


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: sas("hai/1.ilearner", hours=-1), "time frame"),
        (lambda: sas("hai/1.ilearner", "w"), "permission"),
        (lambda: sas("hai/2.ilearner"), "Signature did not match"),
        (lambda: sas("hai/1.ilearner").replace("sig=", "sig=x"), "Signature did not match"),
        (lambda: "?sv=2020-10-02", "incomplete"),
        (lambda: "", "no credentials"),
        (lambda: None, "no credentials"),
    ],
)
def test_a_blob_that_may_not_be_read_is_refused(service: ClassicService, make: Any, reason: str) -> None:
    service.add("one")
    before = score(service, "one")
    message = refused(service.point("one", "hai/1.ilearner", make()), 400, "InvalidBlob")
    assert message.startswith("URL for retraining model invalid.")
    assert reason in message
    assert score(service, "one") == before
    assert service.effects("PATCH", "one") == 0
    service.emulator.faults(classic_refusal_status="403")
    refused(service.point("one", "hai/1.ilearner", make()), 403, "InvalidBlob")


def test_a_public_blob_needs_no_token(service: ClassicService) -> None:
    service.add("one")
    before = score(service, "one")
    assert service.point("one", "open/3.ilearner", None).status_code == 200
    assert score(service, "one") != before


@pytest.mark.parametrize(
    "base", ["http://acct.blob.core.windows.net", "https://acct.blob.core.windows.net/", "{url}/acct/"]
)
def test_base_locations_of_every_spelling(service: ClassicService, base: str) -> None:
    service.add("one")
    before = score(service, "one")
    item = resource("/hai/1.ilearner", sas("hai/1.ilearner"))
    item["Location"]["BaseLocation"] = base.format(url=service.emulator.url)
    assert service.patch("one", Resources=[item]).status_code == 200
    assert score(service, "one") != before


def test_a_missing_blob_is_a_warning(service: ClassicService) -> None:
    service.add("one")
    response = service.point("one", "hai/künftig 1.ilearner", "?sv=1&sig=secret")
    assert response.status_code == 200
    warning = response.headers["x-retrainctl-warning"]
    assert warning == "no blob at https://acct.blob.core.windows.net/hai/k%C3%BCnftig%201.ilearner"
    service.emulator.faults(classic_echo="echo")
    assert service.get("one")["Resources"][0]["Location"]["RelativeLocation"] == "hai/künftig 1.ilearner"
    endpoint = service.get("one")
    call = service.emulator.bare.post(
        endpoint["ApiLocation"] + "/execute?api-version=2.0",
        json={"Inputs": {"input1": {"ColumnNames": _COLUMNS, "Values": [_ROW]}}},
        headers={"Authorization": f"Bearer {endpoint['PrimaryKey']}"},
    )
    refused(call, 404, "ModelPackageNotFound")


def test_a_missing_blob_may_be_refused(service: ClassicService) -> None:
    service.emulator.faults(blobs_required=True)
    service.add("one")
    before = score(service, "one")
    refused(service.point("one", "hai/none.ilearner", sas("hai/none.ilearner")), 400, "BlobNotFound")
    assert score(service, "one") == before
    assert service.point("one", "hai/1.ilearner", sas("hai/1.ilearner")).status_code == 200


def test_one_refused_resource_leaves_the_others_alone(emulator: Emulator, tmp_path: Path) -> None:
    slots = {f"{name} [trained model]": BASELINE for name in ("A", "B")}
    blobs = [baseline("models/base.ilearner", "0"), baseline("hai/1.ilearner", "1")]
    seed_classic(emulator, tmp_path / "blobs", blobs=blobs)
    service = make_classic(emulator, tmp_path, scoring_definition(slots))
    service.add("one")
    before = score(service, "one")
    good = resource("hai/1.ilearner", sas("hai/1.ilearner"), "A [trained model]")
    bad = resource("hai/1.ilearner", sas("hai/1.ilearner", hours=-1), "B [trained model]")
    refused(service.patch("one", Resources=[good, bad]), 400, "InvalidBlob")
    assert score(service, "one") == before


def test_only_default_follows_a_redeployment(service: ClassicService) -> None:
    service.add("one")
    service.point("one", "hai/1.ilearner", sas("hai/1.ilearner"))
    before, default = service.get("one"), service.get("default")
    served = score(service, "one")
    result = service.redeploy()
    after = service.get("default")
    assert after["ExperimentLocation"] == result["experimentLocation"] != default["ExperimentLocation"]
    assert after["Version"] == result["version"] > default["Version"]
    assert {name for name in after if after[name] != default[name]} == {"ExperimentLocation", "Version"}
    assert service.get("one") == before
    assert score(service, "one") == served
    assert service.add("two")["ExperimentLocation"] == after["ExperimentLocation"]


@pytest.mark.parametrize("overwrite", ["False", "false", False])
def test_a_refresh_keeps_the_retrained_model(service: ClassicService, overwrite: Any) -> None:
    service.emulator.faults(classic_echo="echo")
    service.add("one")
    service.point("one", "hai/1.ilearner", sas("hai/1.ilearner"))
    served = score(service, "one")
    service.redeploy()
    assert service.refresh("one", overwrite).status_code == 200
    one, default = service.get("one"), service.get("default")
    assert (one["ExperimentLocation"], one["Version"]) == (default["ExperimentLocation"], default["Version"])
    assert one["Resources"][0]["Location"]["RelativeLocation"] == "hai/1.ilearner"
    assert score(service, "one") == served
    assert service.refresh("one", overwrite).status_code == 304
    assert service.effects("POST", "one/refresh") == 1


@pytest.mark.parametrize("overwrite", ["True", "true", True])
def test_a_refresh_with_overwriting_loses_it(service: ClassicService, overwrite: Any) -> None:
    service.emulator.faults(classic_echo="echo")
    service.add("one")
    service.point("one", "hai/1.ilearner", sas("hai/1.ilearner"))
    assert service.refresh("one", overwrite).status_code == 200
    assert score(service, "one") == score(service, "default")
    assert service.get("one")["Resources"] == service.get("default")["Resources"]
    again = service.refresh("one", overwrite)
    assert (again.status_code, again.content) == (304, b"")


def test_a_refresh_says_whether_to_overwrite(service: ClassicService) -> None:
    service.add("one")
    refused(service.refresh("one", "perhaps"), 400, "BadParameterValue")
    assert service.http.post(service.at("one/refresh")).status_code == 304


def test_a_new_graph_comes_with_the_refresh_and_old_models_stay(service: ClassicService) -> None:
    service.emulator.faults(classic_echo="echo")
    service.add("patched")
    service.add("plain")
    service.point("patched", "hai/1.ilearner", sas("hai/1.ilearner"))
    served = {name: score(service, name) for name in ("patched", "plain")}
    newer = "https://acct.blob.core.windows.net/open/3.ilearner"
    service.redeploy(scoring_definition({SLOT: newer, "Second [trained model]": newer}))
    assert score(service, "default") not in served.values()
    for name in served:
        assert service.refresh(name).status_code == 200
        assert score(service, name) == served[name]
    shown = {
        name: [one["Location"]["RelativeLocation"] for one in service.get(name)["Resources"]]
        for name in ("default", *served)
    }
    assert shown == {
        "default": ["open/3.ilearner", "open/3.ilearner"],
        "patched": ["hai/1.ilearner", "open/3.ilearner"],
        "plain": ["models/base.ilearner", "open/3.ilearner"],
    }
    service.redeploy(scoring_definition({"Second [trained model]": newer}))
    assert service.refresh("patched").status_code == 200
    assert [one["Name"] for one in service.get("patched")["Resources"]] == ["Second [trained model]"]
    assert score(service, "patched") == score(service, "default")
    refused(service.point("patched", "hai/1.ilearner", sas("hai/1.ilearner")), 400, "ResourceNotFound")


def test_a_redeployment_names_one_service_and_a_definition(service: ClassicService, tmp_path: Path) -> None:
    twice = {"definition": scoring_definition(), "name": "Twice"}
    seed_classic(service.emulator, tmp_path, twice, twice)
    headers = {"x-emulator-token": service.emulator.ready["control"]}
    for body, message in (
        ({"service": "Twice"}, "2 web service"),
        ({"service": "None"}, "no web service None"),
        ({"service": "Bike Rental Scoring", "definition": {}}, "no member properties"),
    ):
        response = service.emulator.bare.post("/_emulator/classic/redeploy", json=body, headers=headers)
        assert message in response.json()["error"]["message"]
    assert service.emulator.control("POST", "classic/redeploy", {"service": "Bike Rental Scoring"})["version"]
