"""Local model files on their way to their blobs."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from retrainctl.apply.executor import Tools, run_wave
from retrainctl.apply.outcome import Fate
from retrainctl.apply.stopping import Stop
from retrainctl.apply.uploads import FileChanged, Uploads
from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ModelChange, ResourceChange
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.applying import ApplyOptions, check
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from retrainctl.ports import AuthFailed, Conflict, Rejected, SecretUnavailable
from tests.support.blobs import MemoryBlobs
from tests.support.build import SLOT, line, plan_of, service, version
from tests.support.memory import FakeClock, MemoryBooks, MemoryTarget, Silent, Thing

DATA = b"the model's bytes" * 100
SHA256 = hashlib.sha256(DATA).hexdigest()
URI = f"https://acct.blob.core.windows.net/models/retrainctl/{SHA256}.ilearner"
NEW = version(2, uri=URI, file="models/new.ilearner", sha256=SHA256)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/new.ilearner").write_bytes(DATA)
    return tmp_path


def uploads(root: Path, store: MemoryBlobs) -> Uploads:
    return Uploads(store=store, root=root, observer=Silent())


def change(name: str = "census", after: ModelVersion = NEW) -> ResourceChange:
    move = ModelChange(slot=SLOT, before=None, after=after, from_uri=None, to_uri=after.uri)
    return ResourceChange(
        address=Address("WebService", name), target="arm", identity=name, action=Action.UPDATE, models=(move,)
    )


def test_a_file_is_sent_once_whoever_needs_it(root: Path):
    store = MemoryBlobs()
    work = uploads(root, store)
    names = [f"svc-{n}" for n in range(8)]
    sent: list[bool] = []
    threads = [threading.Thread(target=lambda name=name: sent.append(work.bring(change(name)))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [False] * 7 + [True]
    assert store.bytes == {URI: DATA}
    assert store.metadata[URI] == {"sha256": SHA256}
    assert store.calls["create"] == 1
    assert work.said == [f"uploaded models/new.ilearner ({len(DATA):,} bytes) to {URI}"]


def test_what_is_there_is_not_sent_again_and_needs_no_file(root: Path):
    store = MemoryBlobs({URI: DATA})
    (root / "models/new.ilearner").unlink()
    assert uploads(root, store).bring(change()) is False
    assert store.calls["create"] == 0


def test_another_blob_under_the_name_is_refused(root: Path):
    store = MemoryBlobs({URI: DATA[:-1] + b"!"})
    with pytest.raises(Conflict, match="other bytes than its name says"):
        uploads(root, store).bring(change())
    assert store.bytes[URI] != DATA


def test_a_changed_file_is_a_conflict_and_nothing_is_sent(root: Path):
    store = MemoryBlobs()
    (root / "models/new.ilearner").write_bytes(DATA + b"!")
    with pytest.raises(FileChanged, match="changed since the plan"):
        uploads(root, store).bring(change())
    (root / "models/new.ilearner").unlink()
    with pytest.raises(FileChanged, match="cannot be read any more"):
        uploads(root, store).bring(change())
    assert not store.bytes


def test_a_file_that_changes_on_the_way_leaves_nothing_behind(root: Path):
    store = MemoryBlobs(before_create=lambda: (root / "models/new.ilearner").write_bytes(b"x" * len(DATA)))
    with pytest.raises(FileChanged, match="while it was uploaded"):
        uploads(root, store).bring(change())
    assert not store.bytes


def test_somebody_quicker_with_the_same_bytes_is_welcome(root: Path):
    store = MemoryBlobs(losing={URI})
    work = uploads(root, store)
    assert work.bring(change()) is False
    assert store.bytes == {URI: DATA}
    assert work.said == []


def test_a_failed_upload_is_tried_again_by_the_next_change(root: Path):
    store = MemoryBlobs(fail={URI: AuthFailed("no")})
    work = uploads(root, store)
    with pytest.raises(AuthFailed):
        work.bring(change("one"))
    store.fail.clear()
    assert work.bring(change("two")) is True


def test_a_plan_that_names_a_file_outside_the_project_reads_nothing(root: Path):
    (root.parent / "outside.ilearner").write_bytes(DATA)
    (root / "models/link.ilearner").symlink_to(root.parent / "outside.ilearner")
    for file in ("../outside.ilearner", str(root.parent / "outside.ilearner"), "models/link.ilearner"):
        store = MemoryBlobs()
        with pytest.raises(Rejected, match="outside the project"):
            uploads(root, store).bring(change(after=version(2, uri=URI, file=file, sha256=SHA256)))
        assert not store.bytes


def test_a_plan_without_a_hash_or_a_place_is_refused(root: Path):
    for after in (version(2, uri=URI, file="models/new.ilearner"), version(2, uri=None, file="x", sha256=SHA256)):
        with pytest.raises(Rejected, match="does not say where"):
            uploads(root, MemoryBlobs()).bring(change(after=after))


def test_an_empty_file_goes_out_too(root: Path):
    (root / "models/new.ilearner").write_bytes(b"")
    sha256 = hashlib.sha256(b"").hexdigest()
    uri = URI.replace(SHA256, sha256)
    store = MemoryBlobs()
    assert uploads(root, store).bring(change(after=version(2, uri=uri, file="models/new.ilearner", sha256=sha256)))
    assert store.bytes == {uri: b""}


ONE = version(1)


def estate(count: int = 3):
    names = [f"svc-{n}" for n in range(count)]
    target = MemoryTarget({Address("WebService", n): Thing({}, {SLOT: ONE.uri or ""}) for n in names})
    desired = [service(n, NEW) for n in names]
    plan, _ = plan_of(desired, target, models=line(ONE, NEW))
    return desired, target, plan


def tools(target: MemoryTarget, books: MemoryBooks, work: Uploads | None) -> Tools:
    clock = FakeClock()
    return Tools(
        writers={"arm": target},
        books=books,
        clock=clock,
        observer=Silent(),
        stop=Stop(clock),
        secret_hash=lambda ref, address: "hash",
        uploads=work,
    )


def test_the_plan_lists_the_upload_before_the_write():
    _, _, plan = estate(1)
    first, second = plan.changes[0].steps[0].requests
    assert (first.method, first.path, first.body) == ("PUT", URI, {"file": "models/new.ilearner", "sha256": SHA256})
    assert second.method == "PATCH"


def test_an_apply_uploads_and_the_next_plan_is_empty(root: Path):
    desired, target, plan = estate()
    store, books = MemoryBlobs(), MemoryBooks()
    end = run_wave(plan.changes, tools(target, books, uploads(root, store)))
    assert {result.fate for result in end.results} == {Fate.APPLIED}
    assert store.bytes == {URI: DATA}
    assert {thing.slots[SLOT] for thing in target.things.values()} == {URI}
    again, _ = plan_of(desired, target, models=line(ONE, NEW), applied=books.applied)
    assert not again.changes


def test_a_changed_file_is_a_conflict_of_its_changes_only(root: Path):
    _, target, plan = estate(1)
    (root / "models/new.ilearner").write_bytes(b"other")
    (result,) = run_wave(plan.changes, tools(target, MemoryBooks(), uploads(root, MemoryBlobs()))).results
    assert (result.fate, target.writes) == (Fate.CONFLICTED, [])
    assert result.error is not None
    assert (result.error.code, result.wrote) == ("RC658", False)


def test_a_refused_upload_fails_its_change_and_writes_nothing(root: Path):
    _, target, plan = estate(1)
    store = MemoryBlobs(fail={URI: AuthFailed("no access", code="RC654")})
    (result,) = run_wave(plan.changes, tools(target, MemoryBooks(), uploads(root, store))).results
    assert (result.fate, target.writes) == (Fate.FAILED, [])


def test_a_secret_that_is_missing_ends_the_run_before_any_write(root: Path):
    _, target, plan = estate(2)
    store = MemoryBlobs(fail={URI: SecretUnavailable("the variable STORAGE_KEY is not set")})
    end = run_wave(plan.changes, tools(target, MemoryBooks(), uploads(root, store)))
    assert {result.fate for result in end.results} == {Fate.NOT_ATTEMPTED}
    assert target.writes == []


def test_without_a_store_a_file_cannot_go_live():
    _, target, plan = estate(1)
    (result,) = run_wave(plan.changes, tools(target, MemoryBooks(), None)).results
    assert (result.fate, target.writes) == (Fate.FAILED, [])


def test_what_moved_during_a_long_upload_is_a_conflict(root: Path):
    _, target, plan = estate(1)
    address = plan.changes[0].address

    def somebody() -> None:
        target.things[address].slots[SLOT] = "https://acct.blob.core.windows.net/models/foreign.ilearner"

    store = MemoryBlobs(before_create=somebody)
    (result,) = run_wave(plan.changes, tools(target, MemoryBooks(), uploads(root, store))).results
    assert (result.fate, target.writes) == (Fate.CONFLICTED, [])


def test_a_missing_key_is_found_before_anything_starts(root: Path):
    class Locked(MemoryBlobs):
        def expires(self, uri: str):
            raise SecretUnavailable("the variable STORAGE_KEY is not set", hint="Set it.")

    _, _, plan = estate(2)
    settings = ArmSettings(subscription="s", resource_group="rg")
    around = SimpleNamespace(
        environment=Environment(name="test", arm=settings),
        ledger=SimpleNamespace(used_plans=dict),
        clock=FakeClock(),
        resolver=None,
        uploads=uploads(root, Locked()),
    )
    plan = replace(plan, targets={"arm": "/subscriptions/s"})
    with pytest.raises(InvalidInput) as missing:
        check(plan, encode(plan), ApplyOptions(), around)  # type: ignore[arg-type]
    assert {finding.address for finding in missing.value.diagnostics} == {"WebService/svc-0", "WebService/svc-1"}
    assert {finding.message for finding in missing.value.diagnostics} == {"the variable STORAGE_KEY is not set"}


def test_a_plan_with_a_file_survives_being_saved():
    _, _, plan = estate(1)
    again = decode(encode(plan))
    (move,) = again.changes[0].models
    assert (move.to_uri, move.after.file, move.after.sha256) == (URI, "models/new.ilearner", SHA256)
    assert encode(again) == encode(plan)
