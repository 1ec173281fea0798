"""Snapshot folders: written, read back, found wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrainctl.definition.document import read
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.observe import observe
from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, EmulatorSettings, Environment
from retrainctl.model.resource import Applied, AppliedSlot, Desired
from retrainctl.targets.arm import ids
from retrainctl.targets.snapshot.folder import Head
from retrainctl.targets.snapshot.registry import Snapshot, open_snapshot
from retrainctl.targets.snapshot.write import arm_file, write_snapshot

SUB = "d128f140-94e6-4175-87a7-954b9d27db16"
PROD = Environment(name="prod", arm=ArmSettings(subscription=SUB, resource_group="rg"))
WHEN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
URI = "https://a.blob.core.windows.net/m/1.ilearner"
ODD = ["census", "with blank (1)", "Größe [Predictive Exp.]", "CON", ".hidden", "a" * 250]


def service(name: str, uri: str = URI, **properties) -> dict:
    asset = {"name": "M [trained model]", "type": "Resource", "locationInfo": {"uri": uri}}
    return {
        "id": ids.web_service(SUB, "rg", name),
        "name": name,
        "location": "South Central US",
        "properties": {
            "packageType": "Graph",
            "modifiedOn": "2026-11-01T00:00:00Z",
            "title": name,
            "assets": {"a": asset},
            **properties,
        },
    }


def plan(name: str) -> dict:
    return {"name": name, "location": "x", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}, "etag": "e"}


def want(name: str, group: str = "rg", kind: str = "WebService") -> Desired:
    return Desired(address=Address(kind, name), place={"name": name, "resourceGroup": group})


def head(**changes) -> Head:
    arm = {"subscription": SUB, "resourceGroups": ["rg"]}
    return Head(**{"complete": True, "created_at": WHEN, "environment": "prod", "targets": {"arm": arm}, **changes})


def write(root: Path, *documents: dict, plans=(), at=None, applied=()) -> tuple[str, ...]:
    files = [arm_file(document["id"], document) for document in documents]
    files += [arm_file(ids.commitment_plan(SUB, "rg", item["name"]), item) for item in plans]
    return tuple(str(path) for path in write_snapshot(root, at or head(), files, applied=applied))


def arm(snapshot: Snapshot):
    return snapshot.readers["arm"]


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def findings(call) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert all(finding.hint for finding in caught.value.diagnostics)
    return [(finding.code, str(finding.span)) for finding in caught.value.diagnostics]


def test_what_is_written_is_read_as_it_was(tmp_path):
    documents = [service(name) for name in ODD]
    write(tmp_path / "snap", *documents, plans=[plan("s1")])

    wanted = [*(want(name) for name in ODD), want("s1", kind="CommitmentPlan"), want("new")]
    reading = arm(open_snapshot(tmp_path / "snap", PROD)).read(wanted)

    for document in documents:
        address = Address("WebService", document["name"])
        seen, live = reading.observed[address], observe(address, document["id"], document)
        assert seen.identity == live.identity == reading.identities[address]
        assert (seen.fingerprint, seen.slots, seen.revision) == (live.fingerprint, live.slots, live.revision)
        assert dict(seen.fields) == dict(live.fields)
        assert dict(seen.document) == document
    assert reading.observed[Address("CommitmentPlan", "s1")].fields["sku"]["name"] == "S1"
    assert Address("WebService", "new") not in reading.observed
    assert reading.not_covered == frozenset(), "a complete snapshot says that it does not exist"
    assert reading.identities[Address("WebService", "new")] == ids.web_service(SUB, "rg", "new")
    assert reading.facts["snapshot"] == {
        "complete": True,
        "createdAt": "2026-11-02T08:00:00Z",
        "environment": "prod",
    }


def test_the_same_snapshot_has_the_same_bytes_and_touches_nothing(tmp_path):
    first = write(tmp_path, service("b"), service("a"), plans=[plan("p")])
    before = tree(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "arm").rglob("*.json")}

    again = write(tmp_path, service("a"), service("b"), plans=[plan("p")])

    assert tree(tmp_path) == before
    assert first == (
        "arm/rg/b.json",
        "arm/rg/a.json",
        "arm/rg/commitmentPlans/p.json",
        "applied.json",
        "snapshot.json",
    )
    assert again == ("snapshot.json",)
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_what_is_gone_is_removed_and_other_files_stay(tmp_path):
    write(tmp_path, service("a"), service("b"))
    (tmp_path / "README.md").write_text("ours")
    (tmp_path / "arm" / "notes.txt").write_text("ours")

    changed = write(tmp_path, service("a", title="new"))

    assert changed == ("arm/rg/a.json", "arm/rg/b.json", "snapshot.json")
    assert set(tree(tmp_path)) == {"README.md", "applied.json", "arm/notes.txt", "arm/rg/a.json", "snapshot.json"}


def test_a_snapshot_that_broke_off_is_not_complete(tmp_path):
    write(tmp_path, service("a"))

    def files():
        yield arm_file(ids.web_service(SUB, "rg", "b"), service("b"))
        raise RuntimeError("connection lost")

    with pytest.raises(RuntimeError):
        write_snapshot(tmp_path, head(), files())

    reading = arm(open_snapshot(tmp_path, PROD)).read([want("a"), want("c")])
    assert Address("WebService", "a") in reading.observed
    assert reading.not_covered == {Address("WebService", "c")}
    assert not [name for name in tree(tmp_path) if ".part" in name]


def test_no_secret_reaches_the_disk(tmp_path):
    signed = URI + "?sv=1&sig=CANARYsignature"
    document = service(
        "a",
        uri=signed,
        keys={"primary": "CANARY1"},
        storageAccount={"name": "s", "key": "CANARY2"},
        parameters={"u": {"value": signed, "certificateThumbprint": ""}},
    )
    write(tmp_path, document)

    assert b"CANARY" not in b"".join(tree(tmp_path).values())
    seen = arm(open_snapshot(tmp_path, PROD)).read([want("a")]).observed[Address("WebService", "a")]
    assert seen.fingerprint == fingerprint(normalise(document)[0]), "and the fingerprint is that of the live service"


def test_a_resource_group_that_was_not_taken_is_not_covered(tmp_path):
    write(tmp_path, service("a"))

    reading = arm(open_snapshot(tmp_path, PROD)).read([want("a"), want("b", "other"), want("c")])

    assert reading.not_covered == {Address("WebService", "b")}


def test_names_have_no_case(tmp_path):
    write(tmp_path, service("Census"))

    reading = arm(open_snapshot(tmp_path, PROD)).read([want("cENSUS", "RG")])

    assert len(reading.observed) == 1


def test_an_emulator_environment_reads_the_snapshot_too(tmp_path):
    write(tmp_path, service("a"), at=head(targets={}))

    local = Environment(name="local", emulator=EmulatorSettings())
    reading = arm(open_snapshot(tmp_path, local)).read([want("a")])

    assert reading.identities[Address("WebService", "a")].startswith(
        "/subscriptions/00000000-0000-0000-0000-000000000001/"
    )


def test_an_environment_without_arm_covers_nothing(tmp_path):
    write(tmp_path, service("a"))
    reader = arm(open_snapshot(tmp_path, Environment(name="x")))

    assert reader.read([want("a")]).not_covered == {Address("WebService", "a")}
    assert reader.reread(Address("WebService", "a"), "/x") is None


def test_a_snapshot_of_another_subscription_is_refused(tmp_path):
    write(tmp_path, service("a"))
    other = Environment(name="test", arm=ArmSettings(subscription="other", resource_group="rg"))

    assert findings(lambda: open_snapshot(tmp_path, other, shown="snap")) == [("RC225", "snap/snapshot.json:1:1")]


def test_one_resource_is_read_again(tmp_path):
    write(tmp_path, service("a"))
    reader, address = arm(open_snapshot(tmp_path, PROD)), Address("WebService", "a")
    identity = ids.web_service(SUB, "rg", "a")

    assert reader.reread(address, identity) == reader.read([want("a")]).observed[address]
    write(tmp_path, service("a", title="changed"))
    assert reader.reread(address, identity).fields["title"] == "changed"
    assert reader.reread(address, ids.web_service(SUB, "rg", "b")) is None


def test_large_parts_stay_on_disk_until_they_are_asked_for(tmp_path):
    write(tmp_path, service("a"), service("b"))
    reading = arm(open_snapshot(tmp_path, PROD)).read([want("a"), want("b")])
    seen = reading.observed[Address("WebService", "a")]
    path = tmp_path / "arm/rg/a.json"
    content = path.read_bytes()

    path.unlink()
    assert seen.fields["title"] == "a" and "assets" in seen.fields and "package" not in seen.fields
    assert len(seen.fields) == len(list(seen.fields)) == 4
    assert seen.slots["M [trained model]"].uri == URI
    with pytest.raises(KeyError):
        seen.fields["package"]
    assert findings(lambda: seen.fields["assets"])[0][0] == "RC200"
    path.write_bytes(content)
    assert seen.fields["assets"]["a"]["locationInfo"] == {"uri": URI}
    assert len(seen.document) == 4


def test_a_file_that_changes_under_the_plan_is_noticed(tmp_path):
    write(tmp_path, service("a"))
    seen = arm(open_snapshot(tmp_path, PROD)).read([want("a")]).observed[Address("WebService", "a")]

    write(tmp_path, service("a", uri=URI.replace("1", "2")))

    assert findings(lambda: seen.document["properties"])[0][0] == "RC226"


def test_all_bad_files_are_reported_at_once(tmp_path):
    write(tmp_path, service("a"), service("b"), service("c"))
    (tmp_path / "arm/rg/a.json").write_text("{")
    (tmp_path / "arm/rg/c.json").write_text("[]")
    reader = arm(open_snapshot(tmp_path, PROD, shown="snap"))

    assert findings(lambda: reader.read([want(name) for name in "abc"])) == [
        ("RC202", "snap/arm/rg/a.json:1:2"),
        ("RC205", "snap/arm/rg/c.json:1:1"),
    ]
    assert Address("WebService", "b") in reader.read([want("b")]).observed, "what is not wanted is not opened"


def test_a_file_that_was_renamed_in_our_own_snapshot_is_an_error(tmp_path):
    write(tmp_path, service("a"))
    (tmp_path / "arm/rg/a.json").rename(tmp_path / "arm/rg/b.json")

    assert findings(lambda: arm(open_snapshot(tmp_path, PROD)).read([want("b")]))[0][0] == "RC223"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "RC202"),
        ("[]", "RC221"),
        ('{"complete": 1}', "RC221"),
        ('{"format": 99}', "RC221"),
        ('{"format": "x"}', "RC221"),
        ('{"createdAt": "yesterday"}', "RC221"),
        ('{"targets": []}', "RC221"),
        ('{"targets": {"arm": 1}}', "RC221"),
    ],
)
def test_a_bad_head_is_refused(tmp_path, text, code):
    (tmp_path / "snapshot.json").write_text(text)

    assert findings(lambda: open_snapshot(tmp_path, PROD, shown="s"))[0][0] == code


def test_a_snapshot_that_is_not_there_is_refused(tmp_path):
    assert findings(lambda: open_snapshot(tmp_path / "no", PROD, shown="no")) == [("RC220", "no:1:1")]
    assert findings(lambda: open_snapshot(tmp_path, PROD, shown="empty")) == [("RC220", "empty:1:1")]


def test_a_folder_made_by_hand_needs_no_marks(tmp_path):
    """Plain file names, `complete` only: as a person or a script would write it from DESIGN.md section 5."""
    group = tmp_path / "arm" / "My Group"
    group.mkdir(parents=True)
    (tmp_path / "snapshot.json").write_text('{"complete": true}')
    (group / "with blank.json").write_text(json.dumps({"properties": {"packageType": "Graph", "title": "stem"}}))
    (group / "export.json").write_text(json.dumps(service("census")))
    (group / "broken-but-unwanted.txt").write_text("{")

    reading = arm(open_snapshot(tmp_path / "snapshot.json", PROD)).read(
        [want("with blank", "My Group"), want("census", "rg"), want("none", "My Group")]
    )

    assert {address.name for address in reading.observed} == {"with blank", "census"}
    assert reading.not_covered == frozenset()


def test_in_a_folder_made_by_hand_the_content_has_the_last_word(tmp_path):
    group = tmp_path / "arm" / "rg"
    group.mkdir(parents=True)
    (tmp_path / "snapshot.json").write_text('{"complete": true}')
    (group / "a.json").write_text(json.dumps(service("b")))
    reader = arm(open_snapshot(tmp_path, PROD))

    assert {address.name for address in reader.read([want("a"), want("b")]).observed} == {"b"}
    assert reader.reread(Address("WebService", "b"), ids.web_service(SUB, "rg", "b")) is not None
    (group / "c.json").write_text(json.dumps(service("b")))
    again = arm(open_snapshot(tmp_path, PROD))
    assert findings(lambda: again.read([want("b")]))[0][0] == "RC223"


def test_two_files_for_one_name_are_an_error(tmp_path):
    write(tmp_path, service("with blank"))
    (tmp_path / "arm/rg/with blank.json").write_text(json.dumps(service("with blank")))

    assert findings(lambda: open_snapshot(tmp_path, PROD))[0][0] == "RC223"


def test_what_was_applied_comes_along(tmp_path):
    record = Applied(
        address=Address("WebService", "a/b c"),
        identity="/id",
        fields={"title": "t", "storageAccount": {"key": {"$hash": "ab"}}},
        slots={"M": AppliedSlot(uri=URI + "?sig=CANARYsig", model="m", version=7, sha256="9f", etag="e")},
        created=True,
        fingerprint="sha256:x",
        run="r1",
    )
    bare = Applied(address=Address("WebService", "bare"))
    write(tmp_path, applied=[record, bare])

    snapshot = open_snapshot(tmp_path, PROD)

    assert b"CANARY" not in (tmp_path / "applied.json").read_bytes()
    slot = AppliedSlot(uri=URI, model="m", version=7, sha256="9f", etag="e")
    clean = Applied(**{**{name: getattr(record, name) for name in Applied.__dataclass_fields__}, "slots": {"M": slot}})
    assert snapshot.applied == {record.address: clean, bare.address: bare}
    assert snapshot.head is not None and snapshot.head.environment == "prod"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"noaddress": {}}',
        '{"A/b": []}',
        '{"A/b": {"identity": 1}}',
        '{"A/b": {"slots": {"s": {}}}}',
        '{"A/b": {"slots": {"s": {"uri": "u", "version": "7"}}}}',
        '{"A/b": {"run": 1}}',
    ],
)
def test_a_bad_record_of_what_was_applied_is_refused(tmp_path, text):
    write(tmp_path)
    (tmp_path / "applied.json").write_text(text)

    assert findings(lambda: open_snapshot(tmp_path, PROD, shown="s")) == [("RC224", "s/applied.json:1:1")]


def test_a_stale_provisioning_service_is_seen_by_the_time_of_the_snapshot(tmp_path):
    write(tmp_path, service("a", provisioningState="Provisioning", modifiedOn="2026-11-02T07:59:00Z"),
          service("b", provisioningState="Provisioning", modifiedOn="2026-11-01T07:59:00Z"))  # fmt: skip

    seen = arm(open_snapshot(tmp_path, PROD)).read([want("a"), want("b")]).observed

    assert seen[Address("WebService", "a")].broken is None
    assert "since 2026-11-01" in str(seen[Address("WebService", "b")].broken)


def test_documents_are_the_definitions_for_importing(tmp_path):
    write(tmp_path, service("b"), service("a"), plans=[plan("p")])
    reader = arm(open_snapshot(tmp_path, PROD))

    found = {(entry.kind, entry.group, entry.name): reader.document(entry) for entry in reader.entries()}

    assert {key[0] for key in found} == {"WebService", "CommitmentPlan"}
    assert found["WebService", "rg", "a"] == read(json.dumps(service("a")))
