"""The same promises on every ledger store: a folder, and Azure Blob as Azurite plays it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from retrainctl.ledger import chain
from retrainctl.ledger.errors import LeaseHeld, LeaseLost, LedgerCorrupt, LedgerError, LedgerUnavailable, NotRecorded
from retrainctl.ledger.holder import this_process
from retrainctl.ledger.lease import Lease
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import BackupItem, Settlement
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Applied
from retrainctl.model.values import Secret, SecretRef
from retrainctl.ports import LedgerStore, Outcome
from tests.support import azurite
from tests.support.ledgers import (
    ANN,
    BOB,
    ManualClock,
    RealClock,
    applied,
    begin,
    endpoint,
    intent,
    open_ledger,
    take,
    whole_run,
    write,
)


class Place(ABC):
    """Where a store keeps its things, for tests that reach around it."""

    @abstractmethod
    def store(self) -> LedgerStore:
        """A new store on the same place, as another process would open it."""

    @abstractmethod
    def files(self) -> dict[str, bytes]: ...

    @abstractmethod
    def put(self, name: str, data: bytes | None) -> None:
        """Overwrites behind the store's back; None removes."""

    @abstractmethod
    def clock(self) -> RealClock | ManualClock:
        """For waiting in vain: the service judges by its own clock, so ours may run; a folder is judged by ours."""

    @abstractmethod
    def close(self) -> None: ...


class Folder(Place):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self) -> LedgerStore:
        return LocalLedgerStore(self.folder)

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}

    def put(self, name: str, data: bytes | None) -> None:
        if data is None:
            (self.folder / name).unlink()
        else:
            (self.folder / name).write_bytes(data)

    def clock(self) -> RealClock | ManualClock:
        return RealClock()

    def close(self) -> None:
        """A folder stays as it is."""


class Container(Place):
    def __init__(self, judge: azurite.Azurite) -> None:
        from azure.storage.blob import ContainerClient

        self.judge = judge
        self.name = f"ledger-{uuid4().hex[:12]}"
        self.client = ContainerClient(
            judge.endpoint, self.name, credential={"account_name": judge.account, "account_key": judge.key}
        )
        self.client.create_container()
        self.stores: list[Any] = []

    def store(self) -> LedgerStore:
        from retrainctl.targets.blob.ledger_store import AzureLedgerStore

        place = f"azblob://{self.judge.account}/{self.name}/bike-rental/prod"
        self.stores.append(AzureLedgerStore(place, Secret(self.judge.key), endpoint=self.judge.endpoint))
        return self.stores[-1]  # type: ignore[no-any-return]

    def files(self) -> dict[str, bytes]:
        start = "bike-rental/prod/"
        return {
            blob.name.removeprefix(start): self.client.download_blob(blob.name).readall()
            for blob in self.client.list_blobs(name_starts_with=start)
        }

    def put(self, name: str, data: bytes | None) -> None:
        from azure.storage.blob import BlobLeaseClient, BlobType

        blob = self.client.get_blob_client(f"bike-rental/prod/{name}")
        if blob.get_blob_properties().lease.state == "leased":
            BlobLeaseClient(blob).break_lease(lease_break_period=0)
        kind = blob.get_blob_properties().blob_type
        blob.delete_blob()
        if data is not None and kind == BlobType.APPENDBLOB:
            blob.create_append_blob()
            if data:
                blob.append_block(data)
        elif data is not None:
            blob.upload_blob(data)

    def clock(self) -> RealClock | ManualClock:
        return ManualClock(wall=datetime.now(UTC))

    def close(self) -> None:
        for store in self.stores:
            store.close()
        self.client.close()


@pytest.fixture(scope="module")
def judge() -> Iterator[azurite.Azurite]:
    with azurite.running() as running:
        yield running


@pytest.fixture(params=["folder", "azurite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made: Place
    if request.param == "folder":
        made = Folder(tmp_path / "ledger" / "prod")
    else:
        made = Container(request.getfixturevalue("judge"))
    yield made
    made.close()


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return open_ledger(place.store())


@pytest.fixture
def reopen(place: Place) -> Callable[[], Ledger]:
    """The ledger as the next command finds it."""
    return lambda: open_ledger(place.store())


RUN_1 = "runs/00000001.jsonl"


def test_a_new_ledger_is_empty_and_reading_makes_nothing(ledger: Ledger, place: Place) -> None:
    assert not ledger.applied()
    assert not ledger.unsettled()
    assert not ledger.history()
    assert ledger.verify().records == 0
    assert (ledger.lease().fence, ledger.lease().held) == (0, False)
    assert place.files() == {}


def test_what_was_written_is_known_to_the_next_command(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    first = whole_run(ledger, [endpoint(1), endpoint(2)])
    second = whole_run(ledger, [endpoint(2)], version=2, who=BOB)
    after = reopen()
    assert after.applied() == {
        endpoint(1): replace(applied(endpoint(1)), run=first),
        endpoint(2): replace(applied(endpoint(2), 2), run=second),
    }
    runs = after.runs()
    assert [(r.info.run, r.info.who, r.writes, r.done, r.unknown) for r in runs] == [
        (first, ANN, 2, 2, 0),
        (second, BOB, 1, 1, 0),
    ]
    assert all(r.finished is not None for r in runs)
    assert after.run(first).receipt == {"applied": 2}
    assert after.used_plans()["sha256:plan"].info.run == second
    told = [(e.run, e.who.user, e.commit, e.outcome) for e in after.history(endpoint(2))]
    assert told == [(first, "ann", "1a2b3c4", Outcome.DONE), (second, "bob", "1a2b3c4", Outcome.DONE)]


def test_the_index_and_a_replay_say_the_same(ledger: Ledger, reopen: Callable[[], Ledger], place: Place) -> None:
    whole_run(ledger, [endpoint(n) for n in range(5)])
    with take(ledger) as lease:
        begin(ledger, lease).intend([intent(endpoint(9))])
    indexed = reopen()
    place.put("applied.index", None)
    replayed = reopen()
    assert dict(indexed.applied()) == dict(replayed.applied())
    assert indexed.unsettled() == replayed.unsettled()
    assert indexed.runs() == replayed.runs()


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"0" * 32 + b"\n{}\n[]"])
def test_a_damaged_index_is_as_good_as_none(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place, damage: bytes
) -> None:
    whole_run(ledger, [endpoint(1)])
    before = dict(reopen().applied())
    place.put("applied.index", damage)
    assert dict(reopen().applied()) == before


def test_a_write_without_result_is_unsettled_until_somebody_settles_it(
    ledger: Ledger, reopen: Callable[[], Ledger]
) -> None:
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([intent(endpoint(1), version=3), intent(endpoint(2)), intent(endpoint(3)), intent(endpoint(4))])
        run.sent(endpoint(1), "patch", "https://management.example/operations/7?sig=abc", "request-1")
        run.result(endpoint(2), "patch", Outcome.UNKNOWN, detail={"why": "gave up waiting"})
        run.result(endpoint(3), "patch", Outcome.FAILED)
        run.result(endpoint(4), "patch", Outcome.DONE, applied=applied(endpoint(4)))
    found = reopen().unsettled()
    assert [(u.intent.address, u.sent, u.gave_up, u.run) for u in found] == [
        (endpoint(1), True, False, run.info.run),
        (endpoint(2), False, True, run.info.run),
    ]
    assert (found[0].operation, found[0].request_id) == ("https://management.example/operations/7", "request-1")
    assert found[0].intent.intended == applied(endpoint(1), 3)
    assert reopen().runs()[0].unknown == 2

    later = reopen()
    with take(later, BOB) as lease:
        settling = begin(later, lease, BOB, digest=None)
        settling.settle(
            [
                Settlement(unsettled=found[0], outcome=Outcome.DONE, applied=found[0].intent.intended),
                Settlement(unsettled=found[1], outcome=Outcome.UNKNOWN),
            ]
        )
        settling.finish({})
    after = reopen()
    assert [u.intent.address for u in after.unsettled()] == [endpoint(2)]
    assert after.applied()[endpoint(1)].slots == applied(endpoint(1), 3).slots
    entry = after.run(run.info.run).entries[0]
    assert (entry.outcome, entry.settled_in) == (Outcome.DONE, settling.info.run)
    assert [(r.done, r.failed, r.unknown) for r in after.runs()] == [(2, 1, 1), (0, 0, 0)]


def test_a_deleted_resource_is_no_longer_applied(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    whole_run(ledger, [endpoint(1), endpoint(2)])
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([intent(endpoint(1), action=Action.DELETE)])
        run.result(endpoint(1), "patch", Outcome.DONE, removed=True)
        run.adopt([applied(endpoint(3))], removed=[endpoint(2)])
        run.finish({})
    assert set(reopen().applied()) == {endpoint(3)}


def test_backups_and_documents_come_back_byte_for_byte(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    definition = b'{\r\n  "properties": {"title": "r\xc3\xbccken"}}\n'
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.attach("plan", b'{"format_version":"1.0"}')
        items = [
            BackupItem(address=endpoint(1), identity="id-1", definition=definition, side=b'{"modifiedOn":1}'),
            BackupItem(address=endpoint(2), identity="id-2", definition=definition),
        ]
        run.backup(items)
        run.intend([intent(endpoint(1)), intent(endpoint(2))])
        # A later step of the same run must not replace what the run had found.
        run.backup([BackupItem(address=endpoint(1), identity="id-1", definition=b"half way")])
        run.intend([intent(endpoint(1), step="keys"), intent(endpoint(5))])
        run.finish({})
    after = reopen()
    backup = after.backup_of(run.info.run, endpoint(1))
    assert (backup.definition, backup.side, backup.identity) == (definition, b'{"modifiedOn":1}', "id-1")
    assert after.backup_of(run.info.run, endpoint(2)).side == b""
    assert after.document(run.info.run, "plan") == b'{"format_version":"1.0"}'
    assert after.verify().packs == 2
    for missing in (
        lambda: after.backup_of(run.info.run, endpoint(5)),
        lambda: after.backup_of(run.info.run, endpoint(6)),
        lambda: after.document(run.info.run, "receipt"),
        lambda: after.run("no such run"),
    ):
        with pytest.raises(NotRecorded):
            missing()


def test_a_missing_or_changed_backup_is_found(ledger: Ledger, reopen: Callable[[], Ledger], place: Place) -> None:
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.backup([BackupItem(address=endpoint(1), identity="id", definition=b"the definition")])
        run.intend([intent(endpoint(1))])
        run.finish({})
    (name,) = [name for name in place.files() if name.startswith("packs/")]
    place.put(name, place.files()[name].replace(b"the definition", b"the definitiom"))
    for ask in (reopen().verify, lambda: reopen().backup_of(run.info.run, endpoint(1))):
        with pytest.raises(LedgerCorrupt, match="hash"):
            ask()
    place.put(name, None)
    for ask in (reopen().verify, lambda: reopen().backup_of(run.info.run, endpoint(1))):
        with pytest.raises(LedgerCorrupt, match="missing") as caught:
            ask()
        assert caught.value.file.endswith(name)


def test_only_one_holds_the_lease_and_the_other_learns_who(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place
) -> None:
    other = open_ledger(place.store(), place.clock())
    with take(ledger):
        with pytest.raises(LeaseHeld) as caught:
            take(other, BOB)
        held = caught.value
        assert held.owner is not None
        assert (held.owner.user, held.owner.host, held.run_url) == ("ann", "build7", "https://ci.example/run/1")
        assert held.since is not None
        assert held.expires is not None
        assert abs(held.expires - datetime.now(UTC)) < timedelta(seconds=60)
        assert "ann@build7" in held.message
        assert "https://ci.example/run/1" in held.message
        assert reopen().lease().held
    assert not reopen().lease().held
    with take(other, BOB) as lease:
        assert lease.fence == 2


def test_one_of_many_that_want_the_lease_at_once_gets_it(place: Place) -> None:
    for round_number in range(1, 6):
        ledgers = [open_ledger(place.store(), place.clock()) for _ in range(4)]
        won: list[Lease] = []
        gate = threading.Barrier(4)

        def want(one: Ledger, won: list[Lease] = won, gate: threading.Barrier = gate) -> None:
            gate.wait()
            with suppress(LeaseHeld):
                won.append(take(one))

        threads = [threading.Thread(target=want, args=(one,)) for one in ledgers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [lease.fence for lease in won] == [round_number]
        won[0].release()


def test_after_a_theft_the_former_holder_writes_nothing(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        run.intend([intent(endpoint(2))])

        thief = reopen()
        former = thief.steal(this_process(BOB))
        assert former.owner is not None
        assert former.owner.user == "ann"
        for late in (
            lambda: run.intend([intent(endpoint(3))]),
            lambda: run.result(endpoint(2), "patch", Outcome.DONE, applied=applied(endpoint(2))),
            lambda: run.finish({}),
        ):
            with pytest.raises(LeaseLost):
                late()

        whole_run(thief, [endpoint(4)], who=BOB)
        with pytest.raises(LeaseLost):
            run.intend([intent(endpoint(3))])
    after = reopen()
    after.verify()
    assert set(after.applied()) == {endpoint(1), endpoint(4)}
    assert [u.intent.address for u in after.unsettled()] == [endpoint(2)]


def test_a_run_cannot_begin_under_a_stolen_lease(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    whole_run(ledger, [endpoint(1)])
    with take(ledger) as lease:
        thief = reopen()
        thief.steal(this_process(BOB))
        with take(thief, BOB) as theirs:
            run = begin(thief, theirs, BOB)
            with pytest.raises(LeaseLost):
                begin(ledger, lease)
            write(run, endpoint(2))
            run.finish({})
    assert len(reopen().runs()) == 2
    reopen().verify()


def test_eight_threads_write_one_chain(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    with take(ledger) as lease:
        run = begin(ledger, lease)

        def work(worker: int) -> None:
            for number in range(12):
                write(run, endpoint(100 * worker + number))

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run.finish({})
    after = reopen()
    assert after.verify().records == 2 * 96 + 2
    assert set(after.applied()) == {endpoint(100 * w + n) for w in range(8) for n in range(12)}


def test_a_run_goes_on_in_a_next_stream_where_one_is_full(place: Place, reopen: Callable[[], Ledger]) -> None:
    store = place.store()
    store.append_limit = 4  # type: ignore[misc]
    ledger = open_ledger(store)
    first = whole_run(ledger, [endpoint(n) for n in range(8)])
    with take(ledger) as lease:
        run = begin(ledger, lease)
        for number in range(3):
            write(run, endpoint(number), 2)
        run.intend([intent(endpoint(7))])
    after = reopen()
    after.verify()
    assert len(after.runs()[0].streams) > 2
    assert len(after.run(first).entries) == 8
    assert {address.name: state.slots for address, state in after.applied().items()} == {
        endpoint(n).name: applied(endpoint(n), 2 if n < 3 else 1).slots for n in range(8)
    }
    assert [u.intent.address for u in after.unsettled()] == [endpoint(7)]
    whole_run(after, [endpoint(9)])
    assert reopen().applied()[endpoint(9)]


@pytest.mark.parametrize("keep_index", [True, False], ids=["with index", "without index"])
def test_a_changed_line_stops_everything_and_is_named(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place, keep_index: bool
) -> None:
    whole_run(ledger, [endpoint(1), endpoint(2)])
    whole_run(ledger, [endpoint(3)])
    lines = place.files()[RUN_1].split(b"\n")
    lines[2] = lines[2].replace(b'"version":1', b'"version":9')
    place.put(RUN_1, b"\n".join(lines))
    if not keep_index:
        place.put("applied.index", None)
    before = place.files()
    asks: list[Callable[[], object]] = [
        lambda: reopen().applied(),
        lambda: reopen().unsettled(),
        lambda: reopen().verify(),
        lambda: take(reopen()),
    ]
    for ask in asks:
        with pytest.raises(LedgerCorrupt) as caught:
            ask()
        assert caught.value.file.endswith(RUN_1)
        assert caught.value.line == 3
        assert caught.value.hint
    assert place.files() == before


def _without_line(data: bytes, line: int) -> bytes:
    lines = data.split(b"\n")
    del lines[line - 1]
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda data: _without_line(data, 3), 3),
        (lambda data: _without_line(data, 6), 6),
        (lambda data: data + data.split(b"\n")[1] + b"\n", 7),
        (lambda _: b"", 6),
    ],
    ids=["a line taken out", "the last line taken out", "a line added", "emptied"],
)
def test_missing_and_added_lines_are_found(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place, change: Callable[[bytes], bytes], line: int
) -> None:
    whole_run(ledger, [endpoint(1), endpoint(2)])
    place.put(RUN_1, change(place.files()[RUN_1]))
    with pytest.raises(LedgerCorrupt) as caught:
        reopen().applied()
    assert (caught.value.file.endswith(RUN_1), caught.value.line) == (True, line)


@pytest.mark.parametrize("name", ["runs/00000001.jsonl", "runs/00000002.jsonl"])
def test_a_missing_file_is_named(ledger: Ledger, reopen: Callable[[], Ledger], place: Place, name: str) -> None:
    whole_run(ledger, [endpoint(1)])
    whole_run(ledger, [endpoint(2)])
    place.put(name, None)
    with pytest.raises(LedgerCorrupt, match="missing") as caught:
        reopen().applied()
    assert caught.value.file.endswith(name)


def test_what_was_live_when_and_who_did_it(place: Place, reopen: Callable[[], Ledger]) -> None:
    clock = ManualClock()
    ledger = open_ledger(place.store(), clock)
    start = clock.now()
    first = whole_run(ledger, [endpoint(1), endpoint(2)])
    clock.sleep(3600)
    second = whole_run(ledger, [endpoint(1)], version=2, who=BOB)
    after = reopen()
    assert after.at(start - timedelta(seconds=1)) == {}
    then, now = after.at(start + timedelta(minutes=30)), after.at(clock.now())
    assert then[endpoint(1)].applied.slots == applied(endpoint(1), 1).slots
    assert (then[endpoint(1)].run, then[endpoint(1)].who, then[endpoint(1)].since) == (first, ANN, start)
    assert (now[endpoint(1)].run, now[endpoint(1)].who.user, now[endpoint(1)].commit) == (second, "bob", "1a2b3c4")
    assert now[endpoint(2)].run == first
    assert after.before(second) == {endpoint(1): replace(applied(endpoint(1)), run=first)}
    assert after.before(first) == {endpoint(1): None, endpoint(2): None}


def test_a_clock_that_was_set_back_does_not_turn_history_round(place: Place, reopen: Callable[[], Ledger]) -> None:
    clock = ManualClock()
    ledger = open_ledger(place.store(), clock)
    whole_run(ledger, [endpoint(1)])
    clock.wall -= timedelta(days=2)
    with take(ledger) as lease:
        run = begin(ledger, lease, run="a-run-of-the-past")
        write(run, endpoint(1), 2)
        run.finish({})
    after = reopen()
    assert [r.info.run for r in after.runs()][-1] == "a-run-of-the-past"
    times = [entry.began for entry in after.history()]
    assert times == sorted(times)
    assert after.applied()[endpoint(1)].run == "a-run-of-the-past"
    assert b'"clock":"2026-10-31T08:00:00.000000Z"' in place.files()["runs/00000002.jsonl"]
    after.verify()


def test_a_ledger_of_another_environment_or_a_newer_version_is_refused(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place
) -> None:
    whole_run(ledger, [endpoint(1)])
    with pytest.raises(LedgerError, match="environment 'prod'") as caught:
        open_ledger(place.store(), environment="test").applied()
    assert caught.value.code == "RC558"

    record = b'{"type":"run","format":2,"something":"else"}'
    line, _ = chain.link(record, seq=1, prev=chain.GENESIS, time="2030-01-01T00:00:00.000000Z")
    place.put(RUN_1, line)
    place.put("applied.index", None)
    with pytest.raises(LedgerError, match="format 2") as caught:
        reopen().applied()
    assert caught.value.code == "RC557"


def test_records_of_a_kind_that_is_not_known_yet_are_kept_and_passed_over(
    ledger: Ledger, reopen: Callable[[], Ledger], place: Place
) -> None:
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run._journal.add([{"type": "weather", "address": "Endpoint/x", "applied": {"identity": "y"}}])
        write(run, endpoint(1))
        run.finish({})
    place.put("applied.index", None)
    after = reopen()
    assert set(after.applied()) == {endpoint(1)}
    assert len(after.history()) == 1
    whole_run(after, [endpoint(2)])
    assert b'"type":"weather"' in place.files()[RUN_1]
    after.verify()


def test_a_run_id_is_used_once(ledger: Ledger) -> None:
    whole_run(ledger, [endpoint(1)])
    used = ledger.runs()[0].info.run
    with take(ledger) as lease, pytest.raises(LedgerError) as caught:
        begin(ledger, lease, run=used)
    assert caught.value.code == "RC559"


def test_no_secret_is_kept_anywhere(place: Place) -> None:
    canary = "cAnArY+/5ecret=="
    redactor = Redactor()
    redactor.learn(Secret(canary))
    ledger = open_ledger(place.store(), redactor=redactor)
    state = Applied(
        address=endpoint(1),
        fields={"storageAccount": {"key": SecretRef("env", "STORAGE_KEY")}, "keys": {"primary": {"$hash": "12ab"}}},
        slots=applied(endpoint(1)).slots,
    )
    signed = "https://acct.blob.example/m/1.ilearner?sv=1&sig=c2lnbmF0dXJl"
    state = replace(state, slots={"s": replace(state.slots["Bike Rental [trained model]"], uri=signed)})
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.intend([replace(intent(endpoint(1)), intended=state, detail={"body": canary})])
        run.sent(endpoint(1), "patch", f"https://m.example/op?t={canary}", "r")
        run.result(endpoint(1), "patch", Outcome.DONE, applied=state, detail={"why": f"said {canary}", "uri": signed})
        run.note("conflict", f"moved to {canary}", address=endpoint(1), detail={canary: 'a "quoted" text'})
        run.finish({"rows": [{"message": canary}]})
    unfiltered = open_ledger(place.store())
    with take(unfiltered) as lease:
        bare = begin(unfiltered, lease)
        bare.adopt([state])
        bare.intend([replace(intent(endpoint(1)), intended=state)])
        bare.sent(endpoint(1), "patch", "https://m.example/op?sig=c2lnbmF0dXJl", None)
    everything = b"".join(place.files().values())
    assert canary.encode() not in everything
    assert b"c2lnbmF0dXJl" not in everything
    assert open_ledger(place.store()).run(run.info.run).notes[0].detail == {"(sensitive)": 'a "quoted" text'}
    assert open_ledger(place.store()).applied()[endpoint(1)].fields["storageAccount"] == {
        "key": {"$secret": {"env": "STORAGE_KEY"}}
    }


class _LosesAnswers:
    """A store whose next append takes effect, in whole or not at all, and then reports a failure."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self.fail: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, number: int, data: bytes, **how: Any) -> None:
        fail, self.fail = self.fail, None
        if fail != "before":
            self._store.append(number, data, **how)
        if fail:
            raise LedgerUnavailable("the network went away")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_append_that_failed_or_lost_its_answer_is_not_acknowledged_and_the_run_goes_on(
    place: Place, reopen: Callable[[], Ledger], when: str
) -> None:
    store = _LosesAnswers(place.store())
    ledger = open_ledger(store)  # type: ignore[arg-type]
    with take(ledger) as lease:
        run = begin(ledger, lease)
        write(run, endpoint(1))
        store.fail = when
        with pytest.raises(LedgerUnavailable):
            run.intend([intent(endpoint(2))])
        write(run, endpoint(3))
        run.finish({})
    after = reopen()
    after.verify()
    assert set(after.applied()) == {endpoint(1), endpoint(3)}
    # What did arrive is an intent that was never sent: asking the target settles it.
    assert [u.intent.address for u in after.unsettled()] == ([endpoint(2)] if when == "after" else [])


def test_addresses_may_hold_any_text(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    names = ['a/b "c" \\ d', "zeile\nzwei", "😀", "\x00", "x" * 3000, "a\u2028b"]
    addresses = [Address("Endpoint", name) for name in names]
    whole_run(ledger, addresses)
    after = reopen()
    assert list(after.applied()) == addresses
    for address in addresses:
        assert [entry.address for entry in after.history(address)] == [address]
