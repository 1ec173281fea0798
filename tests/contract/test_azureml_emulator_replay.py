"""Recorded traffic of Azure Machine Learning, sent to the emulator: statuses, headers and whole bodies are the same.

The recorded names are put into the emulator's own workspace. Times, ids of operations, people and hosts are compared as
what they are, not by value; each other difference is named below, with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.emulator_process import Emulator, running

GROUP: Final = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/local"
WS: Final = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/local"
NEW: Final = {"api-version": "2026-07-01"}
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_OPERATION: Final = re.compile(r"\b(o[ed]|oeidp|odidp|bdbes):[-0-9a-f]{36}:[-0-9a-f]{36}")
_GUID: Final = re.compile(
    r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
_PEOPLE: Final = ("createdBy", "lastModifiedBy")
_COUNTERS: Final = re.compile(r"x-ms-ratelimit-remaining-subscription-(global-)?(reads|writes|deletes)")
"""How many calls are left; the emulator counts as the provider of web services does."""


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "azureml" / f"{name}.json").read_text())["exchanges"]
    return found


def here(text: str) -> str:
    """A recorded address or body as it is in the emulator's workspace."""
    text = re.sub(r"(?i)/resourcegroups/rg/", lambda found: found[0][:-3] + "local/", text)
    text = re.sub("/subscriptions/0{8}-0{4}-0{4}-0{4}-0{12}/", GROUP[: GROUP.index("/resourceGroups") + 1], text)
    text = text.replace("/workspaces/ws/", "/workspaces/local/").replace("eastus2", "southcentralus")
    return re.sub("eastus|centraluseuap", "southcentralus", text)


def shape(value: Any, name: str = "") -> Any:
    """A body with what differs from call to call as a word in its place."""
    if isinstance(value, Mapping):
        return {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    if not isinstance(value, str):
        return value
    if name in _PEOPLE:
        return "somebody"
    if name == "content":
        # A container's log: what it says of its start.
        return value.partition("\n\n")[0]
    text = _OPERATION.sub(lambda found: f"{_kind(found[1])}:operation", here(value))
    text = re.sub(r"^https?://(management\.azure\.com|127\.0\.0\.1:\d+)", "https://host", text)
    return _MOMENT.sub("moment", _GUID.sub("id", text))


def _kind(mark: str) -> str:
    """The marks of 2022 under their later names."""
    return {"oe": "oeidp", "od": "odidp"}.get(mark, mark)


def address(text: str) -> tuple[str, list[str]]:
    """A header's URL: its path with the query's names, of which those of the signature are left out for 2022."""
    parts = urlsplit(text)
    return shape(f"https://host{parts.path}"), [name for name, _ in parse_qsl(parts.query)]


class Replay:
    """Sends recorded requests and holds the answers against the recorded ones."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def send(self, exchange: Mapping[str, Any], body: Any = None) -> Any:
        request = exchange["request"]
        parts = urlsplit(here(request["url"]))
        given = request["body"] if body is None else body
        content = None if given is None else here(json.dumps(given)).encode()
        headers = {"Content-Type": "application/json"}
        return self.emulator.http.request(
            request["method"], f"{parts.path}?{parts.query}", content=content, headers=headers
        )

    def same(self, exchange: Mapping[str, Any], *, but: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Sends it and compares. `but`: members by dotted path that are otherwise here, with their value here."""
        answer = self.send(exchange, body)
        self.compare(exchange["response"], answer, but or {})
        return answer

    def compare(self, wanted: Mapping[str, Any], answer: Any, but: Mapping[str, Any]) -> None:
        assert answer.status_code == wanted["status"], answer.text
        signed = "s=SIGNATURE" in json.dumps(wanted["headers"])
        for name, value in wanted["headers"].items():
            if _COUNTERS.fullmatch(name) or name == "Content-Length":
                continue
            assert name in answer.headers, name
            found = answer.headers[name]
            if value.startswith("https://"):
                path, members = address(found)
                assert path == address(value)[0]
                assert [one for one in members if signed or len(one) > 1] == address(value)[1]
            else:
                assert found == value, name
        if wanted["body"] in (None, "null"):
            assert answer.content in (b"", b"null")
            return
        found, expected = shape(answer.json()), shape(wanted["body"])
        for path, value in but.items():
            _put(expected, path.split("."), value)
        assert found == expected

    def ended(self, answer: Any) -> Any:
        """Polls as the headers say, to the end; the last answer."""
        place = answer.headers.get("Azure-AsyncOperation") or answer.headers["Location"]
        for _ in range(5):
            last = self.emulator.http.get(place)
            if last.json()["status"] != "Updating":
                return last
        raise AssertionError(last.text)


def _put(tree: Any, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        tree = tree[int(name)] if isinstance(tree, list) else tree[name]
    if value is ...:
        del tree[path[-1]]
    else:
        tree[path[-1]] = value


@pytest.fixture(scope="module")
def shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("replay") / "state") as one:
        yield one


@pytest.fixture
def replay(shared_emulator: Emulator, repo: Path) -> Replay:
    shared_emulator.control("POST", "reset")
    shared_emulator.faults(op_seconds=0)
    shared_emulator.seed(repo / "manifests" / "azureml-blue-green" / "seed")
    return Replay(shared_emulator)


def made(replay: Replay, path: str, properties: Mapping[str, Any], **head: Any) -> None:
    """A resource that the recording had already."""
    answer = replay.emulator.http.put(f"{WS}/{path}", params=NEW, json={"properties": properties, **head})
    assert answer.status_code == 201, answer.text
    if "Azure-AsyncOperation" in answer.headers:
        assert replay.ended(answer).json()["status"] == "Succeeded"


def model(replay: Replay, name: str, uri: str = "azureml://datastores/workspaceblobstore/paths/x") -> None:
    made(replay, f"models/{name}/versions/1", {"modelUri": uri, "modelType": "mlflow_model"})


def deployed(replay: Replay, endpoint: str, deployment: str, mode: str = "AADToken") -> None:
    made(replay, f"onlineEndpoints/{endpoint}", {"authMode": mode}, identity={"type": "SystemAssigned"})
    made(
        replay,
        f"onlineEndpoints/{endpoint}/deployments/{deployment}",
        {"endpointComputeType": "Managed", "model": f"{WS}/models/churn/versions/1"},
    )


def test_an_online_endpoint_is_made(replay: Replay, shared: Path) -> None:
    put, poll, get = recorded(shared, "online-endpoint-put")
    replay.compare(poll["response"], replay.ended(replay.same(put)), {})
    replay.same(get)


def test_an_online_deployment_is_made(replay: Replay, shared: Path) -> None:
    put, poll, get = recorded(shared, "online-deployment-put")
    made(replay, "onlineEndpoints/online-pwsh01", {"authMode": "AADToken"})
    model(replay, "work-online-model")
    first = replay.same(put)
    replay.compare(poll["response"], replay.emulator.http.get(first.headers["Azure-AsyncOperation"]), {})
    assert replay.ended(first).json()["status"] == "Succeeded"
    # The folder of the code is known to the code version alone, which the emulator does not keep.
    replay.same(get, but={"properties.environmentVariables.AML_APP_ROOT": "/var/azureml-app"})


def test_traffic_is_moved_and_the_endpoint_goes(replay: Replay, shared: Path, repo: Path) -> None:
    put, running_, over, get, score, gone, going = recorded(shared, "online-endpoint-traffic")
    deployed(replay, "online-ept-01", "online-ept-01", "AMLToken")
    first = replay.same(put)
    later = {"endTime": "moment"}  # missing in 2022, there since 2024
    replay.compare(running_["response"], replay.emulator.http.get(first.headers["Azure-AsyncOperation"]), later)
    replay.compare(over["response"], replay.ended(first), {"percentComplete": 0.0})  # 100.0 in 2022
    replay.same(get)
    # The recorded deployment ran a script of its own; here it is asked as the model behind it understands.
    request = json.loads((repo / "manifests/azureml-blue-green/sample.json").read_text())
    token = replay.emulator.http.post(f"{WS}/onlineEndpoints/online-ept-01/token", params=NEW).json()["accessToken"]
    answer = replay.emulator.bare.post(
        "/inference/online-ept-01/score", json=request, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == score["response"]["status"]
    assert set(score["response"]["headers"]) <= {*_as_written(answer.headers, score["response"]["headers"])}
    for name in ("azureml-model-deployment", "Content-Type", "Server", "x-ms-run-function-failed"):
        assert answer.headers[name] == score["response"]["headers"][name]
    last = replay.same(gone)
    replay.compare(going["response"], replay.emulator.http.get(last.headers["Azure-AsyncOperation"]), later)
    assert replay.ended(last).json()["status"] == "Succeeded"
    assert replay.send(get).status_code == 404


def _as_written(headers: Any, names: Mapping[str, Any]) -> Iterator[str]:
    """The names that are there, in the recording's spelling: headers have no case."""
    return (name for name in names if name in headers)


def test_deletions_are_accepted_or_needless(replay: Replay, shared: Path) -> None:
    deletion, absent = recorded(shared, "online-delete")
    deployed(replay, "online-pwsh01", "online-pwsh01-blue01")
    answer = replay.same(deletion)
    status, result = (answer.headers[name] for name in ("Azure-AsyncOperation", "Location"))
    assert status != result
    assert _OPERATION.search(status)[0] == _OPERATION.search(result)[0]  # type: ignore[index]
    replay.same(absent)


def test_model_versions_and_containers(replay: Replay, shared: Path) -> None:
    new, newest, again, container, gone = recorded(shared, "model-version")
    replay.same(new)
    replay.same(newest)
    uri = json.loads(here(json.dumps(again["request"]["body"])))["properties"]["modelUri"]
    model(replay, "work-online-model", uri)
    # Nothing lies under the recorded address; what is read from an MLmodel is shown below.
    replay.same(again, but={"properties.flavors": {}})
    replay.same(container)
    replay.same(gone)
    told = replay.emulator.http.get(f"{WS}/models/churn/versions/1", params=NEW).json()["properties"]["flavors"]
    wanted = again["response"]["body"]["properties"]["flavors"]["python_function"]["data"]
    assert set(wanted) - {"model_path", "python_version"} <= set(told["python_function"]["data"])
    assert told["python_function"]["data"]["loader_module"] == "mlflow.onnx"


def test_a_batch_deployment_is_made(replay: Replay, shared: Path) -> None:
    put, running_, over, get, invoke = recorded(shared, "batch-deployment-and-invoke")
    made(replay, "batchEndpoints/batch-ept-01", {"authMode": "AADToken"})
    model(replay, "88cf3abcb419bc852f17398005a22790")
    first = replay.same(put)
    replay.compare(running_["response"], replay.emulator.http.get(first.headers["Azure-AsyncOperation"]), {})
    replay.compare(over["response"], replay.ended(first), {})
    replay.same(get)
    # The recorded header asks for this deployment; the endpoint itself names none.
    named = {"azureml-model-deployment": "batch-dpm-01"}
    body = json.loads(here(json.dumps(invoke["request"]["body"])))
    answer = replay.emulator.http.post("/inference/batch-ept-01/jobs", json=body, headers=named)
    wanted = json.loads(json.dumps(invoke["response"]).replace("REGION", "southcentralus"))
    replay.compare(wanted, answer, {"properties.name": answer.json()["properties"]["name"]})
    assert replay.emulator.http.post("/inference/batch-ept-01/jobs", json=body).status_code == 404
    assert replay.emulator.bare.post("/inference/batch-ept-01/jobs", json=body, headers=named).status_code == 401


def test_keys_tokens_logs_and_sizes(replay: Replay, shared: Path) -> None:
    keys, token, skus, logs, _, lost, secrets = recorded(shared, "online-actions-and-errors")
    deployed(replay, "online-pwsh01", "online-pwsh01-blue01")
    replay.same(keys)
    answer = replay.send(token)
    wanted = token["response"]["body"]
    assert {name: type(value) for name, value in answer.json().items()} == {
        name: type(value) for name, value in wanted.items()
    }
    assert answer.json()["expiryTimeUtc"] - answer.json()["refreshAfterTimeUtc"] == pytest.approx(43_200, abs=60)
    replay.same(skus)
    replay.same(logs)
    for exchange in (lost, secrets):
        replay.same(exchange)


def test_keys_are_made_anew(replay: Replay, shared: Path) -> None:
    exchanges = recorded(shared, "online-actions-and-errors")
    regenerate, lost = exchanges[4], exchanges[5]
    deployed(replay, "online-pwsh01", "online-pwsh01-blue01", "Key")
    place = f"{WS}/onlineEndpoints/online-pwsh01/listKeys"
    before = replay.emulator.http.post(place, params=NEW).json()
    answer = replay.same(regenerate)
    # As recorded, nothing is to be found at the address that the answer names.
    replay.compare(lost["response"], replay.emulator.http.get(answer.headers["Location"]), {})
    after = replay.emulator.http.post(place, params=NEW).json()
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
