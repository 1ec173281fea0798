"""Comparing live with the ledger through readers, and blobs with what was applied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.environment import Environment, Project
from retrainctl.model.exemption import Exemption
from retrainctl.model.resource import AppliedSlot
from retrainctl.operations.drifting import compare_live, content_drift, refresh_plan
from retrainctl.plan.build import Selection
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Source
from retrainctl.ports import AuthFailed, BlobFacts, NotFound, Reading, TargetSet, Unavailable
from retrainctl.schemas import checker
from tests.support.build import BLOBS, SLOT, seen, service, wrote
from tests.support.memory import MemoryTarget, Silent, Thing

NOW = datetime(2026, 11, 20, tzinfo=UTC)
URI = f"{BLOBS}/census/1.ilearner"
A, B, C = (Address("WebService", name) for name in "abc")


def loaded(tmp_path, *names: str, drift: tuple[Exemption, ...] = ()) -> Loaded:
    project = Project(name="p", root=tmp_path, file=tmp_path / "retrainctl.yaml", manifests=())
    environment = Environment(name="test", allowed_drift=drift)
    return Loaded(project=project, environment=environment, desired=tuple(service(name) for name in names))


def told(comparison):
    return [(str(address), ".".join(drift.path)) for address, drift in comparison.drift]


def compare(project, target, applied, selection=None):
    targets = TargetSet(readers={"arm": target}, planners={})
    return compare_live(project, targets, applied, selection or Selection(), Silent())


def test_everything_the_ledger_knows_is_looked_at_declared_or_not(tmp_path) -> None:
    target = MemoryTarget({A: Thing({"title": "ours"}), B: Thing({"title": "theirs"})})
    applied = {one: wrote(one.name, title="ours") for one in (A, B, C)}
    comparison = compare(loaded(tmp_path, "a"), target, applied)
    assert told(comparison) == [("WebService/b", "title"), ("WebService/c", "")]
    assert comparison.observed[C] is None


def test_what_the_ledger_does_not_know_is_no_drift(tmp_path) -> None:
    target = MemoryTarget({A: Thing({"title": "theirs"})})
    assert compare(loaded(tmp_path, "a"), target, {}).observed == {}


def test_a_selection_leaves_the_rest_out_and_says_so(tmp_path) -> None:
    target = MemoryTarget({A: Thing({"title": "x"}), B: Thing({"title": "x"})})
    applied = {one: wrote(one.name, title="ours") for one in (A, B)}
    only = Selection(only=("WebService/b",))
    comparison = compare(loaded(tmp_path), target, applied, only)
    assert told(comparison) == [("WebService/b", "title")]
    assert not planned(loaded(tmp_path), comparison, selection=only).plan.complete


def test_what_cannot_be_read_is_a_finding_and_hides_nothing(tmp_path) -> None:
    target = MemoryTarget({B: Thing({"title": "theirs"})})
    applied = {one: wrote(one.name, title="ours") for one in (A, B)}
    project = loaded(tmp_path, "a", "b")
    answer = replace(target.read(project.desired), failures={A: Unavailable("the service is down")})
    target.read = lambda wanted: answer
    result = planned(project, compare(project, target, applied))
    assert [finding.message for finding in result.findings] == ["the service is down"]
    assert [str(address) for address, _ in result.plan.drift] == ["WebService/b"]
    assert result.plan.not_covered == (A,)
    assert not result.plan.complete


def test_what_a_snapshot_does_not_hold_is_not_covered(tmp_path) -> None:
    target = MemoryTarget()
    target.read = lambda wanted: Reading(not_covered=frozenset({A}))
    comparison = compare(loaded(tmp_path, "a"), target, {A: wrote("a", title="ours")})
    assert (comparison.drift, comparison.not_covered) == ((), (A,))


def planned(project, comparison, contents=None, selection=None):
    return refresh_plan(
        project,
        comparison,
        contents=contents,
        now=NOW,
        selection=selection or Selection(),
        source=Source(),
        created_at="2026-11-20T00:00:00Z",
        version="0.1.0",
    )


def test_the_plan_proposes_nothing_and_parts_alarms_from_allowed_drift(tmp_path) -> None:
    allowance = Exemption(
        address="WebService/a", path="title", owner="ops", reason="incident", expires=datetime(2026, 12, 1, tzinfo=UTC)
    )
    target = MemoryTarget({A: Thing({"title": "x"}), B: Thing({"title": "x"}), C: Thing({"title": "ours"})})
    project = loaded(tmp_path, "a", "b", "c", drift=(allowance,))
    applied = {one: wrote(one.name, title="ours") for one in (A, B, C)}
    plan = planned(project, compare(project, target, applied)).plan
    assert plan.changes == ()
    assert [str(address) for address, _ in plan.alarms] == ["WebService/b"]
    document = encode(plan)
    assert checker("plan").is_valid(document)
    assert document["summary"]["drift"] == 1
    assert document["summary"]["no_op"] == 1
    assert document["drift"][0]["allowed"] == {
        "owner": "ops",
        "reason": "incident",
        "expires": "2026-12-01T00:00:00Z",
    }


@dataclass
class Shelf:
    """Blobs in memory; counts what is asked."""

    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    read_: list[str] = field(default_factory=list)

    def facts(self, uri: str) -> BlobFacts:
        self.asked.append(uri)
        if uri in self.refuses:
            raise AuthFailed("no right to read it")
        if uri not in self.blobs:
            raise NotFound("no such blob")
        etag, data = self.blobs[uri]
        return BlobFacts(size=len(data), etag=etag)

    def read(self, uri: str, *, etag: str | None = None):
        self.read_.append(uri)
        yield self.blobs[uri][1]


OLD, NEW = b"old model", b"new model"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def with_slot(name: str, **known: str):
    return replace(wrote(name), slots={SLOT: AppliedSlot(uri=URI, **known)})


@pytest.mark.parametrize(
    ("known", "blob", "drift", "reads"),
    [
        ({"etag": '"1"'}, ('"1"', OLD), None, 0),
        ({"etag": "1"}, ('"1"', OLD), None, 0),
        ({"etag": '"1"'}, ('"2"', OLD), ("etag", '"1"', '"2"'), 0),
        ({"etag": '"1"', "sha256": sha256(OLD)}, ('"1"', NEW), None, 0),
        ({"etag": '"1"', "sha256": sha256(OLD)}, ('"2"', OLD), None, 1),
        ({"etag": '"1"', "sha256": sha256(OLD)}, ('"2"', NEW), ("sha256", sha256(OLD), sha256(NEW)), 1),
        ({"sha256": sha256(OLD)}, ('"9"', OLD), None, 1),
        ({"sha256": sha256(OLD)}, ('"9"', NEW), ("sha256", sha256(OLD), sha256(NEW)), 1),
        ({}, ('"9"', NEW), None, 0),
    ],
)
def test_a_blob_behind_an_unchanged_address(known, blob, drift, reads: int) -> None:
    shelf = Shelf({URI: blob})
    found = content_drift({A: with_slot("a", **known)}, {A: seen("a", uri=URI)}, shelf, Silent())
    told = [(entry.path[2], entry.applied, entry.live) for _, entry in found.drift]
    assert told == ([] if drift is None else [drift])
    assert len(shelf.read_) == reads


def test_a_blob_that_is_gone_is_drift() -> None:
    found = content_drift({A: with_slot("a", sha256=sha256(OLD))}, {A: seen("a", uri=URI)}, Shelf(), Silent())
    assert [entry.path for _, entry in found.drift] == [("models", SLOT, "blob")]


def test_one_blob_of_many_services_is_asked_about_once() -> None:
    shelf = Shelf({URI: ('"2"', NEW)})
    addresses = [Address("WebService", f"s{n}") for n in range(20)]
    applied = {one: with_slot(one.name, sha256=sha256(OLD)) for one in addresses}
    observed = {one: seen(one.name, uri=URI) for one in addresses}
    assert len(content_drift(applied, observed, shelf, Silent()).drift) == 20
    assert shelf.asked == [URI]


def test_a_slot_that_was_moved_by_others_is_not_blamed_on_its_former_blob() -> None:
    shelf = Shelf({URI: ('"2"', NEW)})
    live = seen("a", uri=f"{BLOBS}/other.ilearner")
    assert content_drift({A: with_slot("a", sha256=sha256(OLD))}, {A: live}, shelf, Silent()).drift == ()


def test_a_blob_that_may_not_be_read_is_told_beside_the_others(tmp_path) -> None:
    other = f"{BLOBS}/census/2.ilearner"
    shelf = Shelf({other: ('"2"', NEW)}, refuses={URI})
    applied = {
        A: with_slot("a", sha256=sha256(OLD)),
        B: replace(wrote("b"), slots={SLOT: AppliedSlot(uri=other, sha256=sha256(OLD))}),
    }
    observed = {A: seen("a", uri=URI), B: seen("b", uri=other)}
    contents = content_drift(applied, observed, shelf, Silent())
    comparison = compare(
        loaded(tmp_path), MemoryTarget({A: Thing({}, {SLOT: URI}), B: Thing({}, {SLOT: other})}), applied
    )
    result = planned(loaded(tmp_path), comparison, contents)
    assert [finding.message for finding in result.findings] == ["no right to read it"]
    assert [str(address) for address, _ in result.plan.drift] == ["WebService/b"]
