"""What the models themselves tell about a plan."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from retrainctl.model.change import Action, ModelChange, ResourceChange, Risk, Severity
from retrainctl.model.resource import Observed
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.examining import Examiner
from retrainctl.operations.model_files import ModelFiles
from retrainctl.plan.build import Examined
from retrainctl.ports import AuthFailed, SecretUnavailable
from tests.support.blobs import MemoryBlobs
from tests.support.build import SLOT, plan_of, seen, service, version
from tests.support.ilearner_writer import ModelFile
from tests.support.memory import MemoryTarget, Silent, Thing

GOOD = ModelFile().bytes()
TEXTS = ModelFile(features=[("colour", ("blue", "red")), ("size", ("1", "2"))]).bytes()
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def column(kind: str, *allowed: str) -> dict[str, Any]:
    return {"type": kind, **({"enum": list(allowed)} if allowed else {})}


def properties(**columns: dict[str, Any]) -> dict[str, Any]:
    """A small definition: the input straight into Score Model, text labels out."""
    return {
        "input": {"properties": {"input1": {"type": "object", "properties": columns}}},
        "output": {"properties": {"output1": {"properties": {"Scored Labels": {"type": "String"}}}}},
        "package": {
            "nodes": {"in": {"inputId": "input1"}, "score": {"assetId": "score"}},
            "edges": [{"sourceNodeId": "in", "targetNodeId": "score"}],
        },
        "assets": {"score": {"name": "Score Model", "type": "Module"}},
    }


FITS = properties(colour=column("String"), size=column("Number"))


def service_with(definition: dict[str, Any] | None, *slots: str) -> Observed:
    one = seen("census", "https://acct.blob.core.windows.net/models/1.ilearner")
    more = dict.fromkeys(slots, one.slots[SLOT])
    return replace(one, document={"properties": definition} if definition else {}, slots={**one.slots, **more})


def entry(after: ModelVersion, observed: Observed | None, before: ModelVersion | None = None, **fields) -> Examined:
    desired = service("census", after, **fields)
    from_uri = None if observed is None else observed.slots[SLOT].uri
    move = ModelChange(slot=SLOT, before=before, after=after, from_uri=from_uri, to_uri=after.uri)
    change = ResourceChange(address=desired.address, target="arm", identity="x", action=Action.UPDATE, models=(move,))
    return Examined(change=change, desired=desired, observed=observed)


def examine(
    root: Path,
    *entries: Examined,
    store: MemoryBlobs | None = None,
    emulated: bool = False,
    largest: int = 1 << 20,
    cache: Path | None = None,
) -> list[Risk]:
    with ModelFiles(root=root, store=store, cache=cache, largest=largest) as files:
        examiner = Examiner(files=files, store=store, emulated=emulated, now=lambda: NOW, observer=Silent(), parallel=2)
        return [risk for risks in examiner(entries).values() for risk in risks]


def local(root: Path, data: bytes, name: str = "new.ilearner") -> ModelVersion:
    (root / name).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return version(2, uri=f"https://acct.blob.core.windows.net/models/{sha256}.ilearner", file=name, sha256=sha256)


def codes(risks: list[Risk]) -> list[tuple[str, str]]:
    return [(risk.code, risk.severity.value) for risk in risks]


# A local file against the service


def test_a_model_that_fits_is_no_risk(tmp_path: Path):
    assert examine(tmp_path, entry(local(tmp_path, GOOD), service_with(FITS))) == []


def test_a_misfit_is_a_danger_with_its_reason(tmp_path: Path):
    definition = properties(colour=column("String"), size=column("String"))
    (risk,) = examine(tmp_path, entry(local(tmp_path, GOOD), service_with(definition)))
    assert (risk.code, risk.severity) == ("model-column-types", Severity.DANGER)
    assert risk.message == "1 column numeric in the model, String in the service: size (census@2)"
    assert risk.hint


def test_every_kind_of_misfit_has_a_name(tmp_path: Path):
    definition = properties(colour=column("String", "blue", "green"), shape=column("String"))
    found = examine(tmp_path, entry(local(tmp_path, ModelFile(label_values=(1, 2)).bytes()), service_with(definition)))
    assert codes(found) == [
        ("model-columns-missing", "danger"),
        ("model-values-unseen", "warning"),
        ("model-label-type", "warning"),
    ]


def test_a_definition_that_changes_with_the_model_is_the_one_that_counts(tmp_path: Path):
    old = properties(colour=column("String"), size=column("String"))
    wanted = {"input": FITS["input"]}
    assert examine(tmp_path, entry(local(tmp_path, GOOD), service_with(old), **wanted)) == []


def test_a_new_service_is_judged_by_its_declared_definition(tmp_path: Path):
    definition = properties(colour=column("Number"), size=column("Number"))
    found = examine(tmp_path, entry(local(tmp_path, GOOD), None, **definition))
    assert codes(found) == [("model-column-types", "danger")]


def test_without_a_definition_the_former_model_is_the_measure(tmp_path: Path):
    former = local(tmp_path, GOOD, "old.ilearner")
    found = examine(tmp_path, entry(local(tmp_path, TEXTS), service_with(None), before=former))
    assert codes(found) == [("model-shape-changes", "warning")]
    assert "1 column changes from Numeric to Categorical: size" in found[0].message
    assert examine(tmp_path, entry(local(tmp_path, GOOD), service_with(None), before=former)) == []


def test_a_service_with_several_models_is_not_judged_by_its_input(tmp_path: Path):
    definition = properties(colour=column("String"), size=column("String"))
    assert examine(tmp_path, entry(local(tmp_path, GOOD), service_with(definition, "Other [trained model]"))) == []


def test_an_input_that_is_no_table_says_nothing(tmp_path: Path):
    definition = {"input": {"properties": {"input1": {"type": "string"}}}}
    assert examine(tmp_path, entry(local(tmp_path, GOOD), service_with(definition))) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04\x95canary", "Python pickle"),
        (b"{}", "placeholder"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"", "not a Studio model file"),
        (GOOD[:-300], "byte"),
    ],
)
def test_a_file_that_is_no_model_is_a_danger_not_a_crash(tmp_path: Path, data: bytes, words: str):
    (risk,) = examine(tmp_path, entry(local(tmp_path, data), service_with(FITS)))
    assert (risk.code, risk.severity) == ("model-unreadable", Severity.DANGER)
    assert words in risk.message
    assert "census@2" in risk.message


def test_a_file_that_vanished_is_a_risk(tmp_path: Path):
    gone = version(2, uri="https://acct.blob.core.windows.net/models/x.ilearner", file="gone.ilearner", sha256="0" * 64)
    assert codes(examine(tmp_path, entry(gone, service_with(FITS)))) == [("model-unreadable", "danger")]


def onnx_model() -> bytes:
    from retrainctl.ilearner.conversion import convert
    from retrainctl.ilearner.reader import read_model

    return convert(read_model(GOOD))


def test_the_emulators_onnx_models_are_understood_and_a_real_service_gets_a_warning(tmp_path: Path):
    after = local(tmp_path, onnx_model())
    misfit = properties(colour=column("String"), size=column("String"))
    assert examine(tmp_path, entry(after, service_with(FITS)), emulated=True) == []
    found = examine(tmp_path, entry(after, service_with(misfit)), emulated=True)
    assert codes(found) == [("model-column-types", "danger")]
    assert codes(examine(tmp_path, entry(after, service_with(FITS)))) == [("model-wrong-kind", "danger")]


# Blobs, on request

BLOB = "https://acct.blob.core.windows.net/models/2.ilearner"


def test_blobs_are_left_alone_unless_asked_for(tmp_path: Path):
    assert examine(tmp_path, entry(version(2, uri=BLOB), service_with(FITS))) == []


def test_a_blob_is_read_once_and_judged_for_every_service(tmp_path: Path):
    store = MemoryBlobs({BLOB: GOOD})
    misfit = properties(colour=column("String"), size=column("String"))
    first = entry(version(2, uri=BLOB), service_with(FITS))
    desired = service("other", version(2, uri=BLOB))
    second = Examined(
        change=replace(first.change, address=desired.address), desired=desired, observed=service_with(misfit)
    )
    assert codes(examine(tmp_path, first, second, store=store)) == [("model-column-types", "danger")]
    assert store.calls["facts"] == 1


def test_what_the_slot_has_now_is_read_where_no_definition_tells(tmp_path: Path):
    store = MemoryBlobs({BLOB: TEXTS, "https://acct.blob.core.windows.net/models/1.ilearner": GOOD})
    found = examine(tmp_path, entry(version(2, uri=BLOB), service_with(None)), store=store)
    assert codes(found) == [("model-shape-changes", "warning")]


def test_a_blob_that_is_missing(tmp_path: Path):
    change = entry(version(2, uri=BLOB), service_with(FITS))
    assert codes(examine(tmp_path, change, store=MemoryBlobs())) == [("blob-missing", "danger")]
    assert codes(examine(tmp_path, change, store=MemoryBlobs(), emulated=True)) == [("blob-missing", "warning")]


@pytest.mark.parametrize("error", [AuthFailed("no access"), SecretUnavailable("STORAGE_KEY is not set")])
def test_a_blob_that_cannot_be_read(tmp_path: Path, error: Exception):
    change = entry(version(2, uri=BLOB), service_with(FITS))
    (risk,) = examine(tmp_path, change, store=MemoryBlobs({BLOB: GOOD}, fail={BLOB: error}))
    assert (risk.code, risk.severity) == ("blob-unreadable", Severity.WARNING)
    assert str(error) in risk.message


def test_other_bytes_than_declared(tmp_path: Path):
    store = MemoryBlobs({BLOB: GOOD})
    real = hashlib.sha256(GOOD).hexdigest()
    for sha256, expected in ((real, []), ("0" * 64, [("blob-hash-differs", "danger")])):
        change = entry(version(2, uri=BLOB, sha256=sha256), service_with(FITS))
        assert codes(examine(tmp_path, change, store=store)) == expected


def test_a_blob_that_was_written_again(tmp_path: Path):
    store = MemoryBlobs()
    etag = store.put(BLOB, GOOD)
    assert examine(tmp_path, entry(version(2, uri=BLOB, etag=etag.strip('"')), service_with(FITS)), store=store) == []
    store.put(BLOB, GOOD)
    change = entry(version(2, uri=BLOB, etag=etag), service_with(FITS))
    assert codes(examine(tmp_path, change, store=store)) == [("blob-changed", "warning")]


def test_a_signature_that_ends_soon(tmp_path: Path):
    change = entry(version(2, uri=BLOB), service_with(FITS))
    for days, expected in ((1, [("sas-ends-soon", "warning")]), (30, [])):
        store = MemoryBlobs({BLOB: GOOD}, ends={BLOB: NOW + timedelta(days=days)})
        assert codes(examine(tmp_path, change, store=store)) == expected


def test_a_blob_beyond_the_limit_is_not_fetched(tmp_path: Path):
    store = MemoryBlobs({BLOB: GOOD})
    change = entry(version(2, uri=BLOB), service_with(FITS))
    assert codes(examine(tmp_path, change, store=store, largest=100)) == [("model-not-read", "note")]
    assert store.calls["read"] == 0


# Copies


def test_a_copy_is_kept_by_etag_and_checked_by_hash(tmp_path: Path):
    store, cache = MemoryBlobs(), tmp_path / ".retrainctl/cache/models"
    store.put(BLOB, GOOD)
    change = entry(version(2, uri=BLOB), service_with(FITS))

    def reads() -> int:
        assert examine(tmp_path, change, store=store, cache=cache) == []
        return store.calls["read"]

    assert [reads(), reads()] == [1, 1]
    copy = cache / hashlib.sha256(GOOD).hexdigest()
    copy.write_bytes(b"damaged")
    assert reads() == 2
    store.put(BLOB, GOOD)
    assert reads() == 3
    for path in cache.iterdir():
        path.unlink()
    assert reads() == 4
    assert (cache / ".gitignore").read_text() == "*\n"
    assert not [path for path in cache.iterdir() if path.name.startswith(".fetch")]


def test_a_broken_transfer_leaves_no_copy(tmp_path: Path):
    class Cut(MemoryBlobs):
        def read(self, uri, *, etag=None):
            yield from list(super().read(uri, etag=etag))[:-1]

    store = Cut({BLOB: GOOD})
    change = entry(version(2, uri=BLOB), service_with(FITS))
    cache = tmp_path / "cache"
    (risk,) = examine(tmp_path, change, store=store, cache=cache)
    assert risk.code == "blob-unreadable"
    assert [path.name for path in cache.iterdir()] == [".gitignore"]


def test_a_folder_that_cannot_be_written_costs_only_the_copies(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    change = entry(version(2, uri=BLOB), service_with(FITS))
    assert examine(tmp_path, change, store=MemoryBlobs({BLOB: GOOD}), cache=tmp_path / "file/cache") == []


def test_old_copies_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from retrainctl.operations import model_files

    monkeypatch.setattr(model_files, "KEPT", len(GOOD) + len(TEXTS))
    cache = tmp_path / "cache"
    for number, data in enumerate((GOOD, TEXTS, onnx_model())):
        uri = f"{BLOB}{number}"
        with ModelFiles(root=tmp_path, store=MemoryBlobs({uri: data}), cache=cache, largest=1 << 20) as files:
            files.copy(version(number + 1, uri=uri))
    assert sum(path.stat().st_size for path in cache.iterdir() if path.name != ".gitignore") <= model_files.KEPT


# In a plan


def test_a_plan_carries_the_risks_of_its_changes(tmp_path: Path):
    after = local(tmp_path, GOOD)
    misfit = json.loads(json.dumps(properties(colour=column("String"), size=column("String"))))
    desired = service("census", after)
    target = MemoryTarget({desired.address: Thing({}, {SLOT: BLOB})})
    reading = target.read([desired])
    observed = replace(reading.observed[desired.address], document={"properties": misfit})

    class Deep(MemoryTarget):
        def read(self, wanted):
            return replace(reading, observed={desired.address: observed})

    with ModelFiles(root=tmp_path, store=None, cache=None, largest=1) as files:
        examiner = Examiner(files=files, store=None, emulated=False, now=lambda: NOW, observer=Silent())
        plan, _ = plan_of([desired], Deep(target.things), models={}, examine=examiner)
    (change,) = plan.changes
    assert change.risks[0].code == "model-column-types"
    assert (change.origin and change.origin.line) == 7
