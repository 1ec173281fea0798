"""The scenario tests of the cmdlets' own module, on the cmdlets' own test data, told with our commands.

TestCreateWebServiceFromFile, TestCreateGetRemoveWebService, TestUpdateWebService, TestListWebServices, the regional
properties and the errors of arm-webservices.md section 11. Commitment plans: test_webservice_commands.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrainctl.wiring import emulator
from tests.support.cmdlet_file import reimported
from tests.support.command import environment
from tests.support.inside import Inside

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: scenarios}
spec:
  manifests: []
  environments:
    local: {emulator: {}}
"""
ACCOUNT = ("--commitment-plan", "payer", "--storage-account", "onesdk7622", "--storage-key", "env:STORAGE_KEY")


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("scenarios")
    (folder / "retrainctl.yaml").write_text(PROJECT)
    run = Inside(folder, environment())
    run("emulator", "up")
    run("commitment-plan", "create", "payer", "--sku", "S1", "--tier", "Standard", "-l", "southcentralus", "--yes")
    yield run
    emulator.stop(folder / ".retrainctl" / "emulator")


@pytest.fixture(scope="module")
def service(cli: Inside, shared: Path) -> str:
    """The service that TestCreateWebServiceFromFile makes, from the same file: a BOM, PascalCase, texts to fill in."""
    shutil.copy(shared / "arm/testdata/GraphWebServiceDefinition_Prod.json", cli.folder / "prod.json")
    create = ("webservice", "create", "fromfile", "--definition", "prod.json", "-l", "southcentralus", *ACCOUNT)
    # Its ciphertext belongs to a subscription that is gone, and no plan keeps ciphertext: the value comes from outside.
    assert "RC349" in cli(*create, "--yes", code=1).err
    document = json.loads((cli.folder / "prod.json").read_text("utf-8-sig"))
    assert filled(document) == 1
    (cli.folder / "prod.json").write_text(json.dumps(document, indent=2), "utf-8-sig")
    made = cli(*create, "--yes")
    assert "S8ayf24PAs" not in made.out + made.err, "the keys of the file are shown nowhere"
    return "fromfile"


def filled(tree: Any) -> int:
    """Every encrypted value becomes a reference to a secret; how many there were."""
    if not isinstance(tree, dict):
        return 0
    count = 0
    for name, item in tree.items():
        if isinstance(item, dict) and any(one.casefold() == "certificatethumbprint" and item[one] for one in item):
            tree[name] = {"value": {"env": "STORAGE_KEY"}}
            count += 1
        else:
            count += filled(item)
    return count


def shown(cli: Inside, *command: str) -> Any:
    return json.loads(cli(*command, "--output", "json").out)


def got(cli: Inside, name: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = shown(cli, "webservice", "get", name, *more)["properties"]
    return found


def keys(cli: Inside, name: str) -> dict[str, str]:
    found: dict[str, str] = shown(cli, "webservice", "keys", name, "--show")
    return found


def told(text: str) -> str:
    """A message as one line, whatever the terminal's width."""
    return " ".join(text.split())


def without_ciphertext(tree: Any) -> Any:
    """Encrypted values are encrypted anew on every read (section 5): only that there is one can be compared."""
    if isinstance(tree, dict):
        if tree.get("certificateThumbprint"):
            return "encrypted"
        return {name: without_ciphertext(item) for name, item in tree.items()}
    return [without_ciphertext(item) for item in tree] if isinstance(tree, list) else tree


def unlike(wanted: Any, live: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a GET shows something else than was sent; empty and absent are one (section 5)."""
    if "encrypted" in (wanted := without_ciphertext(wanted), live) or not isinstance(wanted, dict):
        if wanted != live and (wanted or live):
            yield path
        return
    for name, item in wanted.items():
        yield from unlike(item, (live or {}).get(name), (*path, name))


def changed(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {n for n in {**one, **other} if without_ciphertext(one.get(n)) != without_ciphertext(other.get(n))}


def test_created_from_the_cmdlets_file_it_is_what_the_cmdlet_sent(cli: Inside, service: str, shared: Path) -> None:
    recording = json.loads((shared / "arm/recordings/TestCreateWebServiceFromFile.json").read_text("utf-8-sig"))
    (sent,) = [
        json.loads(entry["RequestBody"])
        for entry in recording["Entries"]
        if entry["RequestMethod"] == "PUT" and "/webServices/" in entry["RequestUri"]
    ]
    found = shown(cli, "webservice", "get", service)
    assert (found["location"], found["properties"]["provisioningState"]) == ("South Central US", "Succeeded")
    unseen = {"keys", "storageAccount", "commitmentPlan"}
    wanted = {name: item for name, item in sent["properties"].items() if name not in unseen}
    assert set(unlike(wanted, found["properties"])) == {
        # The one value that came from outside; the emulator does not encrypt what is sent in clear.
        ("package", "nodes", "node1", "parameters", "Account Key")
    }
    assert found["properties"]["storageAccount"] == {"name": "onesdk7622"}
    assert not unseen & (found["properties"].keys() - {"storageAccount"})


def test_our_export_imports_with_the_cmdlets_rules_and_equals_its_bytes(cli: Inside, service: str) -> None:
    cli("webservice", "export", service, "--out", "ours.json")
    ours = (cli.folder / "ours.json").read_bytes()
    theirs = reimported(ours)
    assert theirs.replace(b"\r\n", b"\n") == ours.replace(b"\r\n", b"\n")
    assert not theirs.endswith(b"\n") and not ours.startswith(b"\xef\xbb\xbf")
    # And the way back: what the cmdlet writes of it is, for us, the service as it is.
    (cli.folder / "theirs.json").write_bytes(b"\xef\xbb\xbf" + theirs)
    again = cli("webservice", "import", "theirs.json", "--name", service, "--update", "--yes")
    assert "nothing was sent" in again.err


def test_an_update_by_object_then_by_parameters_touches_nothing_else(cli: Inside, service: str) -> None:
    """TestUpdateWebService: a new description by a whole definition, then key and concurrency by themselves."""
    first, old = got(cli, service), keys(cli, service)
    cli("webservice", "export", service, "--out", "edited.json")
    text = (cli.folder / "edited.json").read_text()
    assert first["description"] in text
    (cli.folder / "edited.json").write_text(text.replace(first["description"], "The description has changed!"))
    cli("webservice", "update", service, "--definition", "edited.json", "--yes")
    second = got(cli, service)
    assert changed(first, second) - {"parameters"} == {"description", "modifiedOn"}
    assert second["modifiedOn"] > first["modifiedOn"]
    assert keys(cli, service) == old

    cli("webservice", "update", service, "--primary-key", "env:NEW_KEY", "--max-concurrent-calls", "30", "--yes")
    third = got(cli, service)
    assert changed(second, third) - {"parameters"} == {"realtimeConfiguration", "modifiedOn"}
    assert third["realtimeConfiguration"] == {"maxConcurrentCalls": 30}
    assert third["readOnly"] is False
    # The emulator makes up what a reference stands for, always the same.
    new = keys(cli, service)
    assert (new["primary"] == old["primary"], new["secondary"] == old["secondary"]) == (False, True)


def test_created_read_by_name_and_id_and_removed(cli: Inside, service: str) -> None:
    cli("webservice", "export", service, "--out", "life.json")
    create = ("webservice", "create", "short life", "--definition", "life.json", *ACCOUNT)
    what = cli(*create, "--what-if")
    assert what.out.startswith("PUT ")
    assert "/webServices/short%20life?api-version=2017-01-01" in what.out
    cli(*create, "--yes")
    found = shown(cli, "webservice", "get", "short life")
    assert shown(cli, "webservice", "get", found["id"]) == found
    assert set(keys(cli, "short life")) == {"primary", "secondary"}
    cli("webservice", "remove", "short life", "--yes")
    gone = told(cli("webservice", "get", "short life", code=1).err)
    assert "No Web Service could be found with the provided name: short life." in gone
    assert "request id: " in gone


def test_lists_of_the_group_and_of_the_subscription(cli: Inside, service: str) -> None:
    cli("webservice", "create", "second", "--definition", "prod.json", "-l", "southcentralus", *ACCOUNT, "--yes")
    for more in ((), ("-g", "local"), ("-g", "LOCAL")):
        listed = shown(cli, "webservice", "list", *more)
        assert {service, "second"} <= {item["name"] for item in listed}
        assert all("assets" not in item["properties"] for item in listed), "items are sparse (section 10)"
    cli("webservice", "remove", "second", "--yes")
    assert "second" not in {item["name"] for item in shown(cli, "webservice", "list")}


@pytest.fixture(scope="module")
def encrypted(cli: Inside, shared: Path) -> str:
    """A service as others made it, with a parameter that is encrypted."""
    seed = cli.folder / "seed"
    seed.mkdir()
    shutil.copy(shared / "arm/testdata/GraphWebServiceDefinition_Prod.json", seed / "prod.json")
    (seed / "seed.yaml").write_text("webServices: [{definition: prod.json, name: encrypted, commitmentPlan: payer}]\n")
    cli("emulator", "seed", "seed")
    return "encrypted"


def test_ciphertext_survives_an_update_by_object(cli: Inside, encrypted: str) -> None:
    def key() -> dict[str, str]:
        found: dict[str, str] = got(cli, encrypted)["package"]["nodes"]["node1"]["parameters"]["Account Key"]
        return found

    assert key()["certificateThumbprint"]
    cli("webservice", "export", encrypted, "--out", "enc.json")
    ours = (cli.folder / "enc.json").read_bytes()
    assert reimported(ours).replace(b"\r\n", b"\n") == ours.replace(b"\r\n", b"\n")
    (cli.folder / "enc.json").write_bytes(ours.replace(b"Some title", b"Another title"))
    cli("webservice", "update", encrypted, "--definition", "enc.json", "--yes")
    assert got(cli, encrypted)["title"].startswith("Another title")
    assert key()["certificateThumbprint"]


def test_a_regions_copy_has_the_same_definition_encrypted_anew(cli: Inside, encrypted: str) -> None:
    service = encrypted
    missing = told(cli("webservice", "get", service, "--region", "westcentralus", code=1).err)
    assert "PerRegionPayloadNotFound" in missing and "request id: " in missing
    cli("webservice", "regional", "add", service, "--region", "westcentralus", "--yes")
    home, copy = got(cli, service), got(cli, service, "--region", "westcentralus")
    assert without_ciphertext(copy) == without_ciphertext(home)
    assert copy != home, "the encrypted parameters are encrypted for the region"
    assert got(cli, service, "--region", "southcentralus") is not None


# Section 11: what is wrong, in words, with code and request id


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("webservice", "get", "nothing"), "WebServiceNotFound"),
        (("webservice", "keys", "nothing"), "WebServiceNotFound"),
        (("webservice", "export", "nothing"), "WebServiceNotFound"),
        (("commitment-plan", "get", "nothing"), "ResourceNotFound"),
        (("commitment-plan", "usage", "nothing"), "ResourceNotFound"),
        (("association", "list", "nothing"), "ResourceNotFound"),
        (("webservice", "list", "-g", "nowhere"), "ResourceGroupNotFound"),
    ],
)
def test_what_is_not_there_is_named_with_the_services_code(cli: Inside, command: tuple[str, ...], says: str) -> None:
    refused = cli(*command, code=1)
    assert says in told(refused.err)
    assert "request id: " in told(refused.err)
    assert "Traceback" not in refused.err
    assert refused.out == ""


def test_wrong_parameters_are_refused_before_anything_is_sent(cli: Inside, service: str) -> None:
    before = got(cli, service)["modifiedOn"]
    update = ("webservice", "update", service)
    assert "4 to 200" in told(cli(*update, "--max-concurrent-calls", "500", "--yes", code=1).err)
    assert "None, Error or All" in told(cli(*update, "--diagnostics", "Loud", "--yes", code=1).err)
    cli("webservice", "get", code=64)
    cli("webservice", "remove", "--yes", code=64)
    for absent in (("regional", "add", "nothing", "--region", "westcentralus"), ("update", "nothing", "--title", "x")):
        assert "RC901" in cli("webservice", *absent, "--yes", code=1).err
    missing = told(cli("webservice", "create", "x", "--definition", "nowhere.json", *ACCOUNT, "--yes", code=1).err)
    assert "nowhere.json" in missing
    assert got(cli, service)["modifiedOn"] == before


def test_an_update_takes_neither_account_nor_payer_from_the_file(cli: Inside, service: str) -> None:
    """Both are what a file is completed with for a creation; sending the account is how #3465 went wrong."""
    text = (cli.folder / "prod.json").read_text("utf-8-sig")
    (cli.folder / "moved.json").write_text(text.replace("WILL BE FILLED IN BY THE TEST", "another"))
    what = cli("webservice", "update", service, "--definition", "moved.json", "--what-if").out
    assert "storageAccount" not in what and "/move?" not in what
    cli("webservice", "update", service, "--definition", "moved.json", "--yes")
    assert got(cli, service)["storageAccount"] == {"name": "onesdk7622"}
    assert shown(cli, "association", "get", "payer", service)["name"]
    refused = told(cli("webservice", "import", "moved.json", "--name", service, "--update", "--yes", code=1).err)
    assert "CannotChangeStorageAccount" in refused


def test_what_only_the_service_can_refuse_comes_with_its_details_and_request_id(cli: Inside, service: str) -> None:
    past = ("--diagnostics", "All", "--diagnostics-expiry", "2017-01-01T00:00:00Z")
    refused = told(cli("webservice", "update", service, *past, "--yes", code=1).err)
    assert "ExpiryTimeInThePast" in refused
    assert "request id" in refused


def test_ids_of_the_wrong_kind_are_refused_both_ways(cli: Inside, service: str) -> None:
    plan = shown(cli, "commitment-plan", "get", "payer")["id"]
    own = shown(cli, "webservice", "get", service)["id"]
    for command, wrong in ((("webservice", "get"), plan), (("commitment-plan", "get"), own)):
        refused = told(cli(*command, wrong, code=1).err)
        assert wrong.split("/")[-2] in refused
    for broken in ("/subscriptions/x", f"{own}/extra", own.replace("Microsoft.MachineLearning", "Microsoft.Web")):
        assert "does not have a valid ARM resource id" in told(cli("webservice", "get", broken, code=1).err)
