"""What only Azure Blob can do to a ledger: lost answers, broken leases, wrong keys, appends that are too big."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from retrainctl.ledger.errors import LeaseHeld, LeaseLost, LedgerUnavailable
from retrainctl.ledger.holder import this_process
from retrainctl.model.values import Secret
from retrainctl.ports import LeaseGrant
from retrainctl.targets.blob.ledger_store import BLOCK, AzureLedgerStore, parse_place
from tests.support import azurite
from tests.support.ledgers import ANN, BOB, RealClock, begin, endpoint, intent, open_ledger, take, whole_run, write


@pytest.fixture(scope="module")
def judge() -> Iterator[azurite.Azurite]:
    with azurite.running() as running:
        yield running


@pytest.fixture
def container(judge: azurite.Azurite) -> Iterator[Any]:
    from azure.storage.blob import ContainerClient

    credential = {"account_name": judge.account, "account_key": judge.key}
    with ContainerClient(judge.endpoint, f"ledger-{uuid4().hex[:12]}", credential=credential) as client:
        client.create_container()
        yield client


@pytest.fixture
def stores(judge: azurite.Azurite, container: Any) -> Iterator[Any]:
    """Makes stores on one place, as several processes would."""
    made: list[AzureLedgerStore] = []

    def make(**options: Any) -> AzureLedgerStore:
        place = f"azblob://{judge.account}/{options.pop('container', container.container_name)}/prod"
        key = Secret(options.pop("key", judge.key))
        endpoint = options.pop("endpoint", judge.endpoint)
        made.append(AzureLedgerStore(place, key, endpoint=endpoint, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


def _transport(lose: str) -> Any:
    """A transport that lets the first call whose URL has `lose` take effect and then loses the answer."""
    from azure.core.exceptions import ServiceResponseError
    from azure.core.pipeline.transport import RequestsTransport

    class Losing(RequestsTransport):
        lost = 0

        def send(self, request: Any, **how: Any) -> Any:  # type: ignore[override]
            answer = super().send(request, **how)
            if lose in request.url and not self.lost and request.method == "PUT":
                self.lost += 1
                raise ServiceResponseError("the connection was reset")
            return answer

    return Losing()


@pytest.mark.parametrize("call", ["comp=appendblock", "00000001.jsonl", "comp=lease", "/packs/", "/applied.index"])
def test_an_answer_that_was_lost_makes_nothing_happen_twice(stores: Any, call: str) -> None:
    from retrainctl.ledger.records import BackupItem

    transport = _transport(call)
    ledger = open_ledger(stores(transport=transport, initial_backoff=0, increment_base=0, random_jitter_range=0))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.backup([BackupItem(address=endpoint(1), identity="i", definition=b"d")])
        write(run, endpoint(1))
        run.finish({})
    assert transport.lost == 1
    after = open_ledger(stores())
    assert after.verify().records == 4
    assert not after.unsettled()
    assert after.backup_of(run.info.run, endpoint(1)).definition == b"d"


def test_a_zombie_is_refused_by_the_service_itself(stores: Any) -> None:
    """Its own checks are not asked: only the conditions on its calls protect the ledger."""
    asleep = stores()
    grant = asleep.acquire(this_process(ANN), since=RealClock().now(), ttl=15)
    asleep.create(1, grant)
    asleep.append(1, b"one\n", offset=0, grant=grant)

    awake = stores()
    theirs = awake.acquire(this_process(BOB), since=RealClock().now(), ttl=15, steal=True)
    assert theirs.fence == 2
    awake.seal(1, theirs)
    for late in (
        lambda: asleep.append(1, b"two\n", offset=4, grant=grant),
        lambda: asleep.renew(grant),
        lambda: asleep.create(1, grant),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert awake.read(1) == b"one\n"
    asleep.release(grant)
    assert awake.lease().held


def test_who_fell_asleep_between_making_a_blob_and_leasing_it_wakes_up_to_a_taken_one(
    stores: Any, container: Any
) -> None:
    awake = stores()
    theirs = awake.acquire(this_process(BOB), since=RealClock().now(), ttl=15)
    container.get_blob_client("prod/runs/00000001.jsonl").create_append_blob()
    awake.seal(1, theirs)
    with pytest.raises(LeaseLost):
        stores().create(1, LeaseGrant(fence=0, handle=str(uuid4())))


def test_an_append_beyond_what_one_call_takes_is_cut_at_line_ends(stores: Any) -> None:
    ledger = open_ledger(stores())
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([intent(endpoint(number)) for number in range(9000)])
        run.finish({"text": "x" * (BLOCK + 100)})
    after = open_ledger(stores())
    assert after.verify().records == 9002
    assert len(after.unsettled()) == 9000
    assert len(str((after.run(run.info.run).receipt or {})["text"])) == BLOCK + 100


def test_a_lease_that_was_not_given_back_lapses_at_the_service(stores: Any) -> None:
    if not os.environ.get("RETRAINCTL_FULL"):
        pytest.skip("waits 15 s, the shortest lease of the service: RETRAINCTL_FULL=1 runs it")
    dead = stores()
    dead.acquire(this_process(ANN), since=RealClock().now(), ttl=15)
    waited: list[LeaseHeld] = []
    start = time.monotonic()
    ledger = open_ledger(stores())
    with ledger.acquire(this_process(BOB), ttl=15, waiting=waited.append) as lease:
        assert lease.fence == 2
    assert [held.owner.user for held in waited if held.owner] == ["ann"]
    assert time.monotonic() - start > 5


def test_a_holder_that_beats_is_noticed_before_its_time_is_up(stores: Any) -> None:
    holder = stores()
    grant = holder.acquire(this_process(ANN), since=RealClock().now(), ttl=15)

    def pause(_: float) -> None:
        holder.renew(grant)

    with pytest.raises(LeaseHeld) as caught:
        open_ledger(stores()).acquire(this_process(BOB), pause=pause)
    assert caught.value.lease.beat > "0"
    holder.release(grant)


@pytest.mark.parametrize(
    ("wrong", "why", "hint"),
    [
        ({"container": "no-such-container"}, "404", "Create the container 'no-such-container'"),
        ({"key": "d3Jvbmc="}, "403", "Storage Blob Data Contributor"),
        ({"endpoint": "http://127.0.0.1:9/devstoreaccount1"}, "cannot be reached", "Check the network"),
    ],
)
def test_what_is_wrong_with_the_place_is_said_before_anything_is_written(
    stores: Any, wrong: dict[str, str], why: str, hint: str
) -> None:
    ledger = open_ledger(stores(**wrong, retry_total=0))
    for ask in (ledger.applied, ledger.lease, lambda: ledger.steal(this_process(ANN)), lambda: take(ledger)):
        with pytest.raises(LedgerUnavailable, match=why) as caught:
            ask()
        assert hint in (caught.value.hint or "")
        assert "azblob://devstoreaccount1" in caught.value.message


def test_a_blob_of_a_crashed_run_can_be_read_and_the_next_run_follows_it(stores: Any) -> None:
    ledger = open_ledger(stores())
    with take(ledger) as lease:
        begin(ledger, lease).intend([intent(endpoint(1))])
    whole_run(open_ledger(stores()), [endpoint(2)])
    after = open_ledger(stores())
    after.verify()
    assert [u.intent.address for u in after.unsettled()] == [endpoint(1)]


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("azblob://acct/ledgers/bike-rental/prod", ("acct", "ledgers", "bike-rental/prod")),
        ("azblob://acct/ledgers/", ("acct", "ledgers", "")),
    ],
)
def test_a_place_is_an_account_a_container_and_a_folder(place: str, parts: tuple[str, str, str]) -> None:
    assert parse_place(place) == parts


@pytest.mark.parametrize("place", ["azblob://acct", "azblob:///c/p", "https://acct/c", "c/p", ""])
def test_another_place_is_refused_with_the_right_form(place: str) -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        parse_place(place)
    assert "azblob://ACCOUNT/CONTAINER/FOLDER" in (caught.value.hint or "")
