"""A definition JSON as snapshot, and a folder that holds nothing but some."""

from __future__ import annotations

import json

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.model.resource import Desired
from retrainctl.targets.arm import ids
from retrainctl.targets.snapshot.registry import open_snapshot

PROD = Environment(name="prod", arm=ArmSettings(subscription="sub", resource_group="rg"))
BARE = {"properties": {"packageType": "Graph", "title": "t"}}


def want(name: str, group: str = "rg", kind: str = "WebService") -> Desired:
    return Desired(address=Address(kind, name), place={"name": name, "resourceGroup": group})


def names(reading) -> set[str]:
    return {address.name for address in reading.observed}


@pytest.fixture
def single(tmp_path):
    """Reads these wanted resources from one file."""

    def read(document, wanted, file="file.json"):
        path = tmp_path / file
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return open_snapshot(path, PROD).readers["arm"].read(wanted)

    return read


def test_the_member_name_says_which_service_it_is(single):
    reading = single({**BARE, "name": "Census"}, [want("census"), want("file"), want("other")])

    assert names(reading) == {"census"}
    assert {address.name for address in reading.not_covered} == {"file", "other"}
    assert reading.facts["snapshot"] == {"complete": False}


def test_the_id_says_which_service_it_is(single):
    document = {**BARE, "id": ids.web_service("sub", "other", "census")}

    assert names(single(document, [want("census", "other")])) == {"census"}
    assert names(single(document, [want("census", "rg")])) == set(), "of another resource group"


def test_the_files_stem_says_which_service_it_is(single):
    assert names(single(BARE, [want("other"), want("Census")], file="census.json")) == {"Census"}


def test_the_only_declared_service_is_meant_by_a_nameless_file(single):
    assert names(single(BARE, [want("census"), want("s1", kind="CommitmentPlan")])) == {"census"}
    assert names(single(BARE, [want("census"), want("other")])) == set()
    assert names(single({**BARE, "name": "else"}, [want("census")])) == set()


def test_a_name_that_fits_several_resource_groups_needs_help(single):
    document = {**BARE, "name": "a"}

    found = single(
        document, [want("a", "x"), want("a2"), Desired(address=Address("WebService", "b"), place={"name": "a"})]
    )
    assert names(found) == {"b"}, "the environment's resource group is the first choice"
    with pytest.raises(InvalidInput) as caught:
        single(
            document,
            [want("a", "x"), Desired(address=Address("WebService", "b"), place={"name": "a", "resourceGroup": "y"})],
        )
    assert caught.value.diagnostics[0].code == "RC222"


def test_the_whole_definition_is_at_hand(single):
    reading = single({**BARE, "name": "a"}, [want("a")])

    seen = reading.observed[Address("WebService", "a")]
    assert seen.fields == {"packageType": "Graph", "title": "t"}
    assert seen.identity == ids.web_service("sub", "rg", "a")
    assert seen.document["properties"] == BARE["properties"]


def test_a_commitment_plan_may_be_the_file(single):
    reading = single(
        {"name": "s1", "sku": {"name": "S1"}, "location": "x"}, [want("s1", kind="CommitmentPlan"), want("s1")]
    )

    assert [str(address) for address in reading.observed] == ["CommitmentPlan/s1"]


def test_a_resource_is_read_again_from_the_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(BARE))
    reader = open_snapshot(path, PROD).readers["arm"]
    address, identity = Address("WebService", "a"), ids.web_service("sub", "rg", "a")

    assert reader.reread(address, identity) is not None
    assert reader.reread(Address("WebService", "b"), ids.web_service("sub", "rg", "b")) is None
    assert reader.read([want("a")]).observed[address] == reader.reread(address, identity)


def test_a_bad_file_is_refused_when_it_is_opened(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"properties": {"packageType": "Graph", "readOnly": "?"}}')

    with pytest.raises(InvalidInput) as caught:
        open_snapshot(path, PROD, shown="x.json")
    assert str(caught.value.diagnostics[0].span) == "x.json:1:53"


def test_a_folder_of_exports_covers_what_it_holds(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({**BARE, "name": "a"}))
    (tmp_path / "two.json").write_text(json.dumps({**BARE, "id": ids.web_service("sub", "rg", "b")}))
    (tmp_path / "c.json").write_text(json.dumps(BARE))
    (tmp_path / "package.json").write_text('{"name": "a", "version": "1"}')
    (tmp_path / "notes.txt").write_text("{")

    reading = open_snapshot(tmp_path, PROD).readers["arm"].read([want("a"), want("b"), want("c"), want("d")])

    assert names(reading) == {"a", "b", "c"}
    assert {address.name for address in reading.not_covered} == {"d"}


def test_a_broken_export_in_a_folder_is_not_passed_over(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({**BARE, "name": "a"}))
    (tmp_path / "two.json").write_text('{"properties": {"packageType": "Graph"')

    with pytest.raises(InvalidInput) as caught:
        open_snapshot(tmp_path, PROD, shown="s")
    assert str(caught.value.diagnostics[0].span).startswith("s/two.json:1:")


def test_two_exports_of_one_service_are_an_error(tmp_path):
    for file in ("one.json", "two.json"):
        (tmp_path / file).write_text(json.dumps({**BARE, "name": "a"}))
    reader = open_snapshot(tmp_path, PROD, shown="s").readers["arm"]

    with pytest.raises(InvalidInput) as caught:
        reader.read([want("a")])
    (finding,) = caught.value.diagnostics
    assert finding.code == "RC223" and "s/one.json" in finding.message and str(finding.span) == "s/two.json:1:1"
