"""The recorded traffic of both api-versions, replayed against the emulator: same statuses, bodies, headers.

The emulator's clock is set to the recorded times, and each operation lasts as long as the recorded one, so that every
poll must meet the recorded state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import httpx
import pytest

from tests.support.arm_recordings import Exchange, load
from tests.support.emulator_process import SUBSCRIPTION, Emulator, running

RECORDINGS = [
    f"{folder}{name}.json"
    for folder in ("", "2016-05-01-preview/")
    for name in ("TestCreateGetRemoveWebService", "TestCreateWebServiceFromFile", "TestUpdateWebService")
]
LISTS = ["TestListWebServices.json", "2016-05-01-preview/TestListWebServices.json"]

RECORDED_SUBSCRIPTIONS = ("d128f140-94e6-4175-87a7-954b9d27db16", "80c77c76-74ba-4c8c-8229-4c3b2957990c")
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIMES = ("createdOn", "modifiedOn", "startTime", "endTime", "creationDate")
CHANGING = ("content-length", "date", "x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("replay") / "state") as one:
        yield one


@pytest.fixture
def replay(emulator: Emulator) -> Replay:
    emulator.control("POST", "reset")
    return Replay(emulator)


class Replay:
    """Sends recorded requests in order; knows which of our operation ids stands for which recorded one."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.operations: dict[str, str] = {}
        self.now = 0.0

    def run(self, exchanges: list[Exchange]) -> None:
        for position, exchange in enumerate(exchanges):
            response = self.send(exchange, exchanges[position + 1 :])
            self.check(exchange, response)

    def send(self, exchange: Exchange, later: list[Exchange], uri: str | None = None) -> httpx.Response:
        self.set_time(exchange)
        if exchange.method in ("PUT", "PATCH", "DELETE", "POST"):
            self.set_duration(exchange, later)
        body = None if exchange.request is None else ours(exchange.request)
        target = self.translate(uri or ours(exchange.uri))
        response = self.emulator.http.request(exchange.method, target, json=body)
        recorded = exchange.headers.get("azure-asyncoperation")
        if recorded and "Azure-AsyncOperation" in response.headers:
            self.operations[operation_id(recorded[0])] = operation_id(response.headers["Azure-AsyncOperation"])
        if "/providers/Microsoft.Storage/operations/" in exchange.headers.get("location", [""])[0]:
            self.operations[operation_id(exchange.headers["location"][0])] = operation_id(response.headers["Location"])
        return response

    def translate(self, text: str) -> str:
        for recorded, actual in self.operations.items():
            text = text.replace(recorded, actual)
        return text

    def set_time(self, exchange: Exchange) -> None:
        """`Date` has whole seconds, and is another machine's: what has started or ended has done so, no more."""
        body = exchange.response if isinstance(exchange.response, dict) else {}
        happened = body.get("endTime") or body.get("startTime")
        self.now = max(self.now, exchange.at, moment(happened) + 0.001 if happened else 0.0)
        self.emulator.control("PUT", "clock", {"now": iso(self.now)})

    def set_duration(self, exchange: Exchange, later: list[Exchange]) -> None:
        """As long as the recorded operation: from its own start and end times, else until its last poll."""
        queue, work = 0.0, 0.0
        operation = operation_id(exchange.headers.get("azure-asyncoperation", [""])[0])
        polls = [poll for poll in later if operation and operation in poll.uri]
        if polls and "endTime" in (polls[-1].response or {}):
            start, end = (moment(polls[-1].response[name]) for name in ("startTime", "endTime"))
            queue, work = start - self.now, end - start
        elif "location" in exchange.headers:
            waiting = urlsplit(exchange.headers["location"][0]).path
            polls = [poll for poll in later if waiting in poll.uri]
            work = polls[-1].at - self.now if polls else 0.0
        knobs = {"op-queue-seconds": f"{max(queue, 0):.7f}", "op-seconds": f"{max(work, 0):.7f}", "op-polls": 1}
        foreign = "webservicesrp" in exchange.headers.get("azure-asyncoperation", [""])[0]
        self.emulator.control("PUT", "faults", knobs | {"foreign-poll-host": "always" if foreign else "never"})

    def check(self, exchange: Exchange, response: httpx.Response) -> None:
        where = f"{exchange.method} {exchange.uri} at {iso(exchange.at)}"
        assert response.status_code == exchange.status, f"{where}: {response.text}"
        if exchange.response is None:
            assert response.content == b"", where
        else:
            wanted = masked(json.loads(self.translate(json.dumps(ours(exchange.response)))))
            shown = masked(response.json())
            if exchange.path.endswith("providers/Microsoft.MachineLearning"):
                wanted, shown = as_of(exchange, wanted), as_of(exchange, shown)
            if "ommitmentPlans/" in exchange.path and exchange.at < moment("2017-01-01T00:00:00Z"):
                wanted, shown = plan_of_2016(wanted), plan_of_2016(shown)
            if exchange.path.endswith("/webServices"):  # lists come in no order
                wanted, shown = ({**body, "value": by_id(body["value"])} for body in (wanted, shown))
            assert shown == wanted, where
        check_headers(exchange, response, where)


def ours(value: Any) -> Any:
    """Recorded values with our subscription in place of theirs."""
    text = json.dumps(value)
    for recorded in RECORDED_SUBSCRIPTIONS:
        text = text.replace(recorded, SUBSCRIPTION).replace(recorded.replace("-", ""), SUBSCRIPTION.replace("-", ""))
    return json.loads(text)


def operation_id(uri: str) -> str:
    path = urlsplit(uri).path
    return path.rpartition("/")[2]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="microseconds")


def masked(value: Any, name: str = "") -> Any:
    """Times, ids, ciphertext and progress stand for themselves; everything else must be equal."""
    if isinstance(value, dict):
        if value.get("certificateThumbprint"):
            return {"value": "CIPHERTEXT", "certificateThumbprint": "THUMBPRINT"}
        return {key: masked(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    if name in TIMES:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", value), value
        return "TIME"
    if name == "percentComplete":
        return "PROGRESS"
    if name == "etag":
        assert re.fullmatch(r"[0-9a-f]{8}-0000-0000-0000-[0-9a-f]{12}", value), value
        return "ETAG"
    if name in ("key1", "key2"):
        return "KEY"
    if name == "swaggerLocation":
        return re.sub(r"/services/[0-9a-f]{32}/", "/services/GUID/", value)
    return value


def as_of(exchange: Exchange, provider: dict[str, Any]) -> Any:
    """A year earlier the provider had fewer types, regions and versions; what it had must be there."""
    if exchange.at > moment("2017-01-01T00:00:00Z"):
        return provider
    kinds = {"Workspaces", "locations", "locations/operations", "commitmentPlans", "webServices"}
    regions = {"South Central US", "West Europe", "Southeast Asia"}
    types = {
        kind["resourceType"]: ("2016-05-01-preview" in kind["apiVersions"], sorted(regions & set(kind["locations"])))
        for kind in provider["resourceTypes"]
        if kind["resourceType"] in kinds
    }
    return {**provider, "resourceTypes": types}


def plan_of_2016(plan: dict[str, Any]) -> dict[str, Any]:
    """In 2016 plans had other meters and quantities, and no capacity limits."""
    properties = {key: value for key, value in plan["properties"].items() if not key.endswith("CapacityLimit")}
    properties["planMeter"] = "METER"
    properties["includedQuantities"] = {name: sorted(item) for name, item in properties["includedQuantities"].items()}
    return {**plan, "properties": properties}


def check_headers(exchange: Exchange, response: httpx.Response, where: str) -> None:
    recorded = {name: values for name, values in exchange.headers.items() if values}
    sent = {name.lower() for name in response.headers}
    if exchange.status == 403:
        assert set(recorded) <= sent, where  # the provider's own host; ours is always the gateway's
        return
    assert sent - {"content-length"} == set(recorded) - {"content-length"}, where
    for name in ("azure-asyncoperation", "location"):
        if name in recorded:
            assert shape(response.headers[name]) == shape(ours(recorded[name][0])), where
    if "x-ms-original-request-ids" in recorded and "skiptoken" not in exchange.uri:
        assert len(response.headers.get_list("x-ms-original-request-ids")) == len(recorded["x-ms-original-request-ids"])
    gateway = recorded.get("x-ms-request-id") == recorded.get("x-ms-correlation-request-id")
    if "Microsoft.Storage" not in exchange.uri:
        same = response.headers["x-ms-request-id"] == response.headers["x-ms-correlation-request-id"]
        assert same == gateway, where
        for name in ("content-type", "cache-control", "pragma", "expires", "strict-transport-security", "server"):
            if name in recorded:
                assert response.headers[name] == recorded[name][0], where
    for name in ("azure-asyncoperationpercentcomplete", "x-ms-failure-cause"):
        if name in recorded:
            assert response.headers[name] == recorded[name][0], where


def shape(uri: str) -> str:
    """Path and query of a URI, ids masked; the host only where it is not the gateway's."""
    parts = urlsplit(uri)
    foreign = parts.hostname if "webservicesrp" in str(parts.hostname) else ""
    return GUID.sub("ID", f"{foreign}{parts.path}?{parts.query}")


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_recorded_traffic_repeats_itself(shared: Path, replay: Replay, name: str) -> None:
    exchanges = load(shared / "arm" / "recordings" / name)
    replay.run(exchanges)
    assert len(exchanges) > 20


@pytest.mark.parametrize("name", LISTS)
def test_the_recorded_lists_repeat_themselves(shared: Path, replay: Replay, name: str, tmp_path: Path) -> None:
    """The 2017 list has 1135 services on two pages of 1042 and 93; those that the test did not create are seeded."""
    exchanges = load(shared / "arm" / "recordings" / name)
    pages = [e for e in exchanges if e.method == "GET" and is_subscription_list(e)]
    created = {ours(e.path).lower() for e in exchanges if e.method == "PUT" and "/webServices/" in e.path}
    listed = [item for page in pages for item in ours(page.response)["value"]]
    others = [item for item in listed if item["id"].lower() not in created]
    seed(replay.emulator, others, tmp_path)
    replay.emulator.faults(page_size=len(pages[0].response["value"]))
    position = exchanges.index(pages[0])
    replay.run(exchanges[:position])
    answers = [replay.send(pages[0], [])]
    for page in pages[1:]:
        answers.append(replay.send(page, [], uri=second_page(answers[-1].json()["nextLink"])))
    bodies = [answer.json() for answer in answers]
    assert [len(body["value"]) for body in bodies] == [len(page.response["value"]) for page in pages]
    assert [sorted(body) for body in bodies] == [sorted(page.response) for page in pages]
    assert by_id(masked([item for body in bodies for item in body["value"]])) == by_id(masked(listed))
    for page, answer in zip(pages, answers, strict=True):
        check_headers(page, answer, page.uri)
    replay.run(exchanges[position + len(pages) :])


def is_subscription_list(exchange: Exchange) -> bool:
    return exchange.path.endswith("/providers/Microsoft.MachineLearning/webServices") and "Groups" not in exchange.path


def second_page(link: str) -> str:
    """As the recorded client does it: the token taken out of the link, decoded once, encoded once."""
    parts = urlsplit(link)
    assert "%24skiptoken=" in parts.query
    token = parse_qs(parts.query)["$skiptoken"][0]
    assert set("/+") <= set(token)
    return f"{parts.path}?$skiptoken={quote(token, safe='')}&api-version=2017-01-01"


def by_id(items: list[dict[str, Any]]) -> dict[str, Any]:
    assert len({item["id"] for item in items}) == len(items)
    return {item["id"]: item for item in items}


def seed(emulator: Emulator, items: list[dict[str, Any]], folder: Path) -> None:
    """The listed services as a seed folder; `seed.yaml` may be JSON, which is YAML."""
    entries = [
        {"definition": item, "resourceGroup": unquote(item["id"].split("/")[4]), "name": item["name"]} for item in items
    ]
    (folder / "seed.yaml").write_text(json.dumps({"webServices": entries}))
    loaded = emulator.seed(folder)["seeds"][0]
    assert len(loaded["new"]["webServices"]) == len(items)
