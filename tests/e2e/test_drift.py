"""Drift on the command line: told apart from what we want, with an allow-list that ends, and blobs with other bytes."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.command import Shell
from tests.support.estate import SLOT, STORE, make_estate
from tests.support.inside import Inside

PATH = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/local"
    "/providers/Microsoft.MachineLearning/webServices/{}?api-version=2017-01-01"
)
Change = Callable[..., Any]


@pytest.fixture
def applied(shell: Shell) -> tuple[Inside, Change]:
    """Three services that serve what was applied, and somebody with another tool."""
    make_estate(shell.folder, 3)
    manifest = shell.folder / "manifests/demand.yaml"
    manifest.write_text(manifest.read_text() + "  title: Ours\n  tags: {team: growth}\n")
    handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])
    do = Inside(shell.folder, shell.environ)
    do("apply", "--yes")

    def call(method: str, name: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            handle.url + PATH.format(name),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {handle.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            content = json.loads(answer.read() or b"null")
        return content if method == "GET" else settled(call, name)

    return do, call


def settled(call: Change, name: str) -> None:
    """Writes are done later."""
    try:
        while call("GET", name)["properties"]["provisioningState"] in ("Provisioning", "Deleting"):
            time.sleep(0.05)
    except urllib.error.HTTPError as error:
        assert error.code == 404
        error.close()


def retitle(call: Change, name: str) -> None:
    call("PATCH", name, {"properties": {"packageType": "Graph", "title": "Theirs"}})


def drifted(do: Inside, *more: str, code: int = 2) -> list[dict[str, Any]]:
    ran = do("plan", "--refresh-only", "--detailed-exitcode", "--output", "json", *more, code=code)
    document = json.loads(ran.out)
    assert document["resource_changes"] == []
    found: list[dict[str, Any]] = document["drift"]
    return found


def test_nothing_drifted(applied: tuple[Inside, Change]) -> None:
    do, _ = applied
    assert drifted(do, code=0) == []
    assert "0 of 3 resources" in do("status", "--live").out


def test_drift_is_live_against_the_ledger_whatever_the_manifests_say(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    retitle(call, "svc-2")
    # The manifests move on: that is intent, and no drift.
    (entry,) = drifted(do, "--var", "version=3")
    assert (entry["address"], entry["path"]) == ("WebService/svc-2", ["title"])
    assert (entry["before"], entry["after"]) == ("Ours", "Theirs")
    said = do("plan", "--refresh-only")
    assert said.out.startswith("Drift in local: 1 field of 1 resource changed outside retrainctl.")
    status = do("status", "--live")
    assert "drift: title: Ours -> Theirs" in status.out
    assert "1 of 3 resources" in status.out
    rows = json.loads(do("status", "--live", "--output", "json").out)
    assert [len(row["drift"]) for row in rows] == [0, 1, 0]


def test_a_service_that_is_gone(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    call("DELETE", "svc-1")
    (entry,) = drifted(do)
    assert (entry["address"], entry["path"]) == ("WebService/svc-1", [])
    assert "the resource: " in do("status", "--live").out


def allow(do: Inside, expires: str, path: str = "title") -> None:
    project = do.folder / "retrainctl.yaml"
    entry = f"{{address: 'WebService/*', path: '{path}', owner: ops, reason: incident 7, expires: {expires}}}"
    text = project.read_text().splitlines()[:-1]
    project.write_text("\n".join([*text, f"    local: {{emulator: {{}}, drift: {{allow: [{entry}]}}}}"]) + "\n")


def test_allowed_drift_is_listed_apart_and_does_not_alarm_until_it_ends(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    retitle(call, "svc-2")
    allow(do, "2099-12-31")
    (entry,) = drifted(do, code=0)
    assert entry["allowed"]["owner"] == "ops"
    said = " ".join(do("plan", "--refresh-only").out.split())
    assert "Allowed drift: 1 field, no alarm" in said
    assert "until 2100-01-01T00:00:00Z by ops: incident 7" in said
    assert "0 of 3 resources" in do("status", "--live").out
    # What the manifests declare is wanted all the same.
    assert "Allowed drift" in do("plan", "--detailed-exitcode", code=2).out
    allow(do, "2020-12-31")
    (entry,) = drifted(do)
    assert "allowed" not in entry


def test_an_allowance_covers_only_its_field(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    retitle(call, "svc-2")
    allow(do, "2099-12-31", path="tags.*")
    assert len(drifted(do)) == 1


def test_another_model_in_the_slot(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    assets = call("GET", "svc-3")["properties"]["assets"]
    assets["asset1"]["locationInfo"]["uri"] = f"{STORE}/foreign.ilearner"
    call("PATCH", "svc-3", {"properties": {"packageType": "Graph", "assets": assets}})
    (entry,) = drifted(do)
    assert entry["path"] == ["models", SLOT]
    assert entry["after"] == f"{STORE}/foreign.ilearner"


def test_a_snapshot_tells_the_same_drift_without_any_network(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    retitle(call, "svc-2")
    do("snapshot", "pull", "--out", "snap")
    live = drifted(do)
    emulator.stop(do.folder / ".retrainctl/emulator")
    assert drifted(do, "--snapshot", "snap") == live
    assert not emulator.find(do.folder / ".retrainctl/emulator"), "nothing was started for it"


def test_what_the_manifests_want_by_now_is_adopted_without_a_write(applied: tuple[Inside, Change]) -> None:
    """Somebody mended it by hand at night; in the morning the manifest says the same."""
    do, call = applied
    retitle(call, "svc-2")
    assert len(drifted(do)) == 1
    manifest = do.folder / "manifests/demand.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("title: Ours", "title: \"{{ 'Theirs' if item == 2 else 'Ours' }}\""))
    assert "No changes" in do("plan", "--detailed-exitcode").out
    do("apply", "--yes")
    assert drifted(do, code=0) == []
    assert "Theirs" not in do("plan", "--refresh-only").out


def test_what_was_done_already_when_a_plan_is_applied_is_adopted_too(applied: tuple[Inside, Change]) -> None:
    do, call = applied
    manifest = do.folder / "manifests/demand.yaml"
    manifest.write_text(manifest.read_text().replace("title: Ours", "title: Theirs"))
    do("plan", "--out", "p.json")
    retitle(call, "svc-2")
    ran = do("apply", "p.json", "--yes")
    assert "2 applied (2 verified)" in ran.out
    assert "1 skipped" in ran.out
    assert drifted(do, code=0) == []


def test_the_blob_behind_an_unchanged_address_has_other_bytes(shell: Shell) -> None:
    make_estate(shell.folder, 1)
    model = b"the model that was reviewed"
    (shell.folder / "seed/2.ilearner").write_bytes(model)
    seeds = shell.folder / "seed/seed.yaml"
    seeds.write_text(seeds.read_text() + "blobs:\n  - {path: demand/models/2.ilearner, file: 2.ilearner}\n")
    manifest = shell.folder / "manifests/demand.yaml"
    digest = hashlib.sha256(model).hexdigest()
    manifest.write_text(manifest.read_text().replace("/2.ilearner'}", f"/2.ilearner', sha256: {digest}}}"))
    do = Inside(shell.folder, shell.environ)
    handle = emulator.ensure_running(shell.folder / ".retrainctl/emulator", seeds=[shell.folder / "seed"])
    do("apply", "--yes")
    assert drifted(do, code=0) == []

    from retrainctl.wiring.connect import emulator_account_key

    overwrite(handle.url, "demand", emulator_account_key("demand"), "models/2.ilearner", b"another model")
    (entry,) = drifted(do)
    assert entry["path"] == ["models", SLOT, "sha256"]
    assert (entry["before"], entry["after"]) == (digest, hashlib.sha256(b"another model").hexdigest())
    assert "sha256" in do("status", "--live").out


def overwrite(url: str, account: str, key: str, blob: str, data: bytes) -> None:
    """Another tool puts other bytes behind the same address."""
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.storage.blob import BlobClient

    container, _, name = blob.partition("/")
    credential = AzureNamedKeyCredential(account, key)
    with BlobClient(f"{url.rstrip('/')}/{account}", container, name, credential=credential) as client:
        client.upload_blob(data, overwrite=True)
