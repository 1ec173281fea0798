"""Request-response scoring, service descriptions, and which model a service scores with."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator_process import SERVICES, V17, Emulator, get_service
from tests.support.services_api import MANAGEMENT, Api, classic_service, get_blob, new_service, put_blob

SLOT = "Census Model [trained model]"


@pytest.fixture
def census(emulator: Emulator, repo: Path) -> Api:
    emulator.seed(repo / "manifests" / "census" / "seed")
    return new_service(emulator, "census")


def sample(repo: Path, example: str = "census") -> Any:
    return json.loads((repo / "manifests" / example / "sample.json").read_text())


def patched(emulator: Emulator, uri: str) -> None:
    """Point the service's trained model at another blob, as the product does."""
    assets = get_service(emulator)["properties"]["assets"]
    (asset,) = [one for one in assets.values() if one["name"] == SLOT]
    asset["locationInfo"]["uri"] = uri
    body = {"properties": {"packageType": "Graph", "assets": assets}}
    ended = emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V17, json=body))
    assert ended["status"] == "Succeeded"


def model(version: int) -> str:
    return f"https://censusstorage.blob.core.windows.net/models/census/{version}.ilearner"


# Answers


def test_a_service_scores_rows(census: Api, repo: Path) -> None:
    answer = census.score(sample(repo))
    assert list(answer) == ["Results"]
    output = answer["Results"]["output1"]
    assert output["type"] == "table"
    assert output["value"]["ColumnNames"] == ["Scored Labels", "Scored Probabilities"]
    labels = [row[0] for row in output["value"]["Values"]]
    chances = [float(row[1]) for row in output["value"]["Values"]]
    assert labels == [">50K" if chance > 0.5 else "<=50K" for chance in chances]
    assert labels[1] == ">50K"


def test_details_and_records_are_shown_when_asked_for(census: Api, repo: Path) -> None:
    detailed = census.score(sample(repo), details="true")["Results"]["output1"]["value"]
    assert detailed["ColumnTypes"] == ["String", "Numeric"]
    inputs = sample(repo)["Inputs"]["input1"]
    records = [dict(zip(inputs["ColumnNames"], row, strict=True)) for row in inputs["Values"]]
    as_records = census.score({"Inputs": {"input1": records}}, format="swagger")["Results"]["output1"]
    assert as_records == [dict(zip(detailed["ColumnNames"], row, strict=True)) for row in detailed["Values"]]
    texts = {**inputs, "Values": [[str(cell) for cell in row] for row in inputs["Values"]]}
    assert census.score({"Inputs": {"input1": texts}}, details="true")["Results"]["output1"]["value"] == detailed


def test_no_rows_give_no_rows(census: Api, repo: Path) -> None:
    inputs = {**sample(repo)["Inputs"]["input1"], "Values": []}
    assert census.score({"Inputs": {"input1": inputs}})["Results"]["output1"]["value"]["Values"] == []


def test_a_row_without_a_value_has_no_score(census: Api, repo: Path) -> None:
    inputs = sample(repo)["Inputs"]["input1"]
    inputs["Values"][0][0] = None
    inputs["Values"][1][1] = ""
    rows = census.score({"Inputs": {"input1": inputs}})["Results"]["output1"]["value"]["Values"]
    assert rows[0] == rows[1] == [None, None]
    assert rows[2][0] == "<=50K"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body["Inputs"].pop("input1"), "MissingRequestInput"),
        (lambda body: body["Inputs"].update(Input1={}), "InvalidInputNames"),
        (lambda body: body["Inputs"]["input1"]["ColumnNames"].__setitem__(0, "Age"), "InputMismatchError"),
        (lambda body: body["Inputs"]["input1"]["Values"][0].pop(), "InputParseError"),
        (lambda body: body["Inputs"]["input1"]["Values"][0].__setitem__(0, "old"), "InputParseError"),
        (lambda body: body["Inputs"]["input1"]["Values"][0].__setitem__(1, {"a": 1}), "InputParseError"),
        (lambda body: body["Inputs"]["input1"].update(Values="x"), "InputParseError"),
        (lambda body: body["Inputs"].update(input1="x"), "InputParseError"),
        (lambda body: body.update(Inputs=[]), "RequestBodyInvalid"),
        (lambda body: body.update(GlobalParameters={"x": 1}), "UnexpectedParameter"),
    ],
)
def test_a_bad_request_says_what_is_wrong(census: Api, repo: Path, change: Any, code: str) -> None:
    body = sample(repo)
    change(body)
    response = census.call("POST", "/execute", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["code"] == code


def test_only_a_key_of_the_service_opens_it(emulator: Emulator, census: Api, repo: Path) -> None:
    for key in ("wrong", emulator.ready["token"]):
        response = census.call("POST", "/execute", json=sample(repo), key=key)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "Unauthorized"
    secondary = emulator.http.get(f"{SERVICES}/census/listKeys", params=V17).json()["secondary"]
    assert census.call("POST", "/execute", json=sample(repo), key=secondary).status_code == 200
    gone = Api(emulator, census.path.replace(census.path[-8:], "00000000"), census.key)
    response = gone.call("POST", "/execute", json=sample(repo))
    assert (response.status_code, response.json()["error"]["details"][0]["code"]) == (404, "WebServiceNotFound")


def test_more_calls_than_the_endpoint_takes_are_throttled(emulator: Emulator, census: Api, repo: Path) -> None:
    body = {"properties": {"packageType": "Graph", "realtimeConfiguration": {"maxConcurrentCalls": 4}}}
    emulator.finished(emulator.http.patch(f"{SERVICES}/census", params=V17, json=body))
    many = sample(repo)
    many["Inputs"]["input1"]["Values"] *= 3000

    def statuses() -> list[Any]:
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(lambda _: census.call("POST", "/execute", json=many), range(16)))

    answers = statuses()
    throttled = [answer for answer in answers if answer.status_code == 503]
    assert throttled
    assert {answer.status_code for answer in answers} == {200, 503}
    assert throttled[0].json()["error"]["details"][0]["code"] == "RequestThrottled"
    emulator.faults(**{"rrs-throttle": "off"})
    assert {answer.status_code for answer in statuses()} == {200}


def test_a_training_service_is_not_called_row_by_row(emulator: Emulator, census: Api) -> None:
    training = new_service(emulator, "census-training")
    response = training.call("POST", "/execute", json={"Inputs": {}, "GlobalParameters": {"URI": "x"}})
    assert response.status_code == 400
    assert "batch job" in response.json()["error"]["details"][0]["message"]


def test_the_description_is_of_the_saved_shape(emulator: Emulator, census: Api, shared: Path) -> None:
    saved = json.loads((shared / "classic" / "services" / "swagger.per-endpoint.trimmed.json").read_text())
    described = emulator.bare.get(census.path + "/swagger.json").json()
    assert list(described) == list(saved)
    assert list(described["paths"]) == list(saved["paths"])
    assert described["paths"] == saved["paths"]
    assert described["basePath"] == census.path
    items = [name for name in saved["definitions"] if name.endswith("Item")]
    assert set(saved["definitions"]) - set(items) <= set(described["definitions"])
    assert described["definitions"]["BatchExecutionStatus"] == saved["definitions"]["BatchExecutionStatus"]
    assert described["definitions"]["input1Item"]["properties"]["age"] == {"type": "integer", "format": "int32"}
    training = new_service(emulator, "census-training")
    described = emulator.bare.get(training.path + "/swagger.json").json()["definitions"]
    assert set(described["BatchOutputs"]["properties"]) == {"output1", "output2"}
    assert set(described["ExecutionOutputs"]["properties"]) == {"output2"}
    assert described["GlobalParameters"]["properties"] == {"URI": {"description": "", "type": "string"}}


# Which model


def test_an_update_changes_the_predictions(emulator: Emulator, census: Api, repo: Path) -> None:
    before = census.table(sample(repo))
    patched(emulator, model(2))
    after = census.table(sample(repo))
    assert before != after
    patched(emulator, model(1))
    assert census.table(sample(repo)) == before


def test_a_service_keeps_its_own_copy_of_the_model(emulator: Emulator, census: Api, repo: Path) -> None:
    patched(emulator, model(2))
    before = census.table(sample(repo))
    put_blob(emulator, "censusstorage/models/census/2.ilearner", b"overwritten with something else")
    assert emulator.http.delete("/censusstorage/models/census/1.ilearner").status_code == 202
    assert census.table(sample(repo)) == before
    patched(emulator, model(2))
    response = census.call("POST", "/execute", json=sample(repo))
    assert response.status_code == 400
    assert "cannot be used" in response.json()["error"]["details"][0]["message"]


def test_a_missing_model_is_noticed_when_scoring(emulator: Emulator, census: Api, repo: Path) -> None:
    content = get_blob(emulator, "censusstorage/models/census/2.ilearner").content
    patched(emulator, model(9))
    response = census.call("POST", "/execute", json=sample(repo))
    assert (response.status_code, response.json()["error"]["details"][0]["code"]) == (404, "ModelPackageNotFound")
    put_blob(emulator, "censusstorage/models/census/9.ilearner", content)
    after = census.table(sample(repo))
    patched(emulator, model(2))
    assert census.table(sample(repo)) == after


def test_a_new_model_may_take_effect_later(emulator: Emulator, census: Api, repo: Path) -> None:
    emulator.faults(**{"model-delay": 15})
    emulator.control("PUT", "clock", {"now": "2026-11-20T12:00:00Z"})
    before = census.table(sample(repo))
    assets = get_service(emulator)["properties"]["assets"]
    next(one for one in assets.values() if one["name"] == SLOT)["locationInfo"]["uri"] = model(2)
    body = {"properties": {"packageType": "Graph", "assets": assets}}
    emulator.http.patch(f"{SERVICES}/census", params=V17, json=body)
    emulator.control("PUT", "clock", {"advance": 1})
    assert get_service(emulator)["properties"]["provisioningState"] == "Succeeded"
    assert census.table(sample(repo)) == before
    emulator.control("PUT", "clock", {"advance": 20})
    assert census.table(sample(repo)) != before


def test_a_seed_may_name_services_before_their_blobs(emulator: Emulator, repo: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    (seed / "models").mkdir(parents=True)
    source = repo / "manifests" / "census" / "seed"
    (seed / "census.json").write_bytes((source / "census.json").read_bytes())
    (seed / "seed.yaml").write_text("webServices:\n  - {definition: census.json, name: census}\n")
    emulator.seed(seed)
    assert new_service(emulator, "census").call("POST", "/execute", json=sample(repo)).status_code == 404
    emulator.seed(source)
    assert new_service(emulator, "census").call("POST", "/execute", json=sample(repo)).status_code == 200


def test_endpoints_of_one_classic_service_score_with_models_of_their_own(emulator: Emulator, repo: Path) -> None:
    emulator.seed(repo / "manifests" / "bike-rental" / "seed")
    (service,) = [one for one in emulator.http.get(MANAGEMENT).json() if one["Name"] == "Bike Rental Scoring"]
    predictions = set()
    for number in ("001", "002", "003"):
        place = f"{MANAGEMENT}/{service['Id']}/endpoints/rentalloc{number}"
        created = emulator.http.put(place, json={"Description": number, "ThrottleLevel": "High"})
        assert created.status_code < 300, created.text
        emulator.faults(**{"patch-sas": "optional"} if "patch-sas" in switches(emulator) else {})
        body = {
            "Resources": [
                {
                    "Name": "Bike Rental [trained model]",
                    "Location": {
                        "BaseLocation": "https://bikerentals.blob.core.windows.net/",
                        "RelativeLocation": f"models/bike-rental/{number}-1.ilearner",
                        "SasBlobToken": token(f"models/bike-rental/{number}-1.ilearner"),
                    },
                }
            ]
        }
        assert emulator.http.patch(place, json=body).status_code < 300
        api = classic_service(emulator, "Bike Rental Scoring", f"rentalloc{number}")
        rows = api.table(sample(repo, "bike-rental"))
        assert len({row["Scored Labels"] for row in rows}) == 1  # a baseline says the same of every day
        predictions.add(rows[0]["Scored Labels"])
    assert len(predictions) == 3
    described = emulator.bare.get(api.path + "/swagger.json").json()
    assert described["info"]["x-endpoint-name"] == "rentalloc003"


def switches(emulator: Emulator) -> set[str]:
    return {knob["name"] for knob in emulator.control("GET", "faults")["knobs"]}


def token(path: str) -> str:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_blob_sas

    from retrainctl.emulator.identity import account_key

    container, _, blob = path.partition("/")
    end = datetime.now(UTC) + timedelta(hours=1)
    made = generate_blob_sas(
        "bikerentals", container, blob, account_key=account_key("bikerentals"), permission="r", expiry=end
    )
    return f"?{made}"


# Real Studio models


def credit(emulator: Emulator, shared: Path, seed: Path, file: str) -> tuple[Api, Any]:
    """The service of the real export with a real model file behind it, and the request of its own example."""
    exports = shared / "arm" / "exports"
    document = json.loads((exports / "CreditRisk.before-retraining.json").read_text(encoding="utf-8-sig"))
    (asset,) = [one for one in document["properties"]["assets"].values() if one["name"].endswith("[trained model]")]
    account, _, path = asset["locationInfo"]["uri"].partition("//")[2].partition("/")
    seed.mkdir()
    (seed / "credit.json").write_text(json.dumps(document))
    (seed / "model.ilearner").write_bytes((exports / file).read_bytes())
    (seed / "seed.yaml").write_text(
        "webServices:\n  - {definition: credit.json, name: credit}\n"
        f"blobs:\n  - {{path: '{account.partition('.')[0]}/{path}', file: model.ilearner}}\n"
    )
    emulator.seed(seed)
    names = list(document["properties"]["input"]["properties"]["input1"]["properties"])
    rows = document["properties"]["exampleRequest"]["inputs"]["input1"]
    return new_service(emulator, "credit"), {"Inputs": {"input1": {"ColumnNames": names, "Values": rows}}}


def test_a_real_studio_model_answers_its_services_own_example(emulator: Emulator, shared: Path, tmp_path: Path) -> None:
    api, body = credit(emulator, shared, tmp_path / "seed", "CreditRisk.ilearner")
    answer = api.score(body)
    value = answer["Results"]["output1"]["value"]
    place = value["ColumnNames"].index("Scored Probabilities")
    # ilearner-format.md section 10, scores of file B.
    expected = [0.7543095, 0.8461004, 0.6755345, 0.7543095, 0.6755345]
    assert [float(row[place]) for row in value["Values"]] == pytest.approx(expected, abs=5e-7)
    notes = " ".join(answer["Notes"])
    assert "Execute R Script" in notes
    assert "Normalize Data" in notes


def test_a_model_behind_an_unread_transform_gives_no_wrong_number(
    emulator: Emulator, shared: Path, tmp_path: Path
) -> None:
    api, body = credit(emulator, shared, tmp_path / "seed", "Credit_risk.ilearner")
    response = api.call("POST", "/execute", json=body)
    assert response.status_code == 400
    assert "would be wrong" in response.json()["error"]["details"][0]["message"]
