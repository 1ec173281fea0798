"""Promotion edits exactly the value that makes the version, and nothing when more would move."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrainctl.manifest.load import Loaded, load
from retrainctl.operations.explaining_values import explain
from retrainctl.operations.promoting import Promotion, PromotionRefused, carry_out, propose

PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: p}
spec:
  manifests: [m/]
  vars: {shared: 1}
  environments:
    test: {emulator: {}, vars: {a: 2, b: "2"}}   # keep me
    prod:
      emulator: {}
      vars:
        a: 1          # the one
        b: "1"
"""
MODEL = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: c}
spec:
  versions:
    - {version: 1, uri: "https://a.blob.core.windows.net/c/1.ilearner"}
    - {version: 2, uri: "https://a.blob.core.windows.net/c/2.ilearner"}
"""
SERVICE = """\
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: NAME}
spec: {models: {"m [trained model]": "PIN"}}
"""


def project(folder: Path, **pins: str) -> Path:
    (folder / "m").mkdir()
    (folder / "retrainctl.yaml").write_text(PROJECT)
    services = "".join(SERVICE.replace("NAME", name).replace("PIN", pin) for name, pin in pins.items())
    (folder / "m/all.yaml").write_text(MODEL + services)
    return folder


def read(folder: Path, environment: str) -> Loaded:
    return load(folder / "retrainctl.yaml", environment, {}, {})


def proposed(folder: Path, *only: str) -> Promotion:
    for environment in ("test", "prod"):
        assert read(folder, environment).diagnostics == ()
    return propose(read(folder, "test"), read(folder, "prod"), only)


def promote(folder: Path, promotion: Promotion) -> list[str]:
    return carry_out(folder, promotion, ["test", "prod"], "prod", lambda name: read(folder, name))


def test_a_variable_of_the_environment_is_edited_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c@{{ vars.a }}", t="c@{{ vars.b }}")
    assert promote(folder, proposed(folder)) == ["retrainctl.yaml"]
    expected = PROJECT.replace("a: 1          # the one", "a: 2          # the one").replace('b: "1"', 'b: "2"')
    assert (folder / "retrainctl.yaml").read_text() == expected


def test_only_what_was_asked_for_moves(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c@{{ vars.a }}", t="c@{{ vars.b }}")
    promote(folder, proposed(folder, "WebService/t"))
    versions = {str(one.address): one.slots["m [trained model]"].version for one in read(folder, "prod").desired}
    assert versions == {"WebService/s": 1, "WebService/t": 2}


def test_a_variable_that_moves_more_is_not_touched(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c@{{ vars.a }}", t="c@{{ vars.a }}")
    with pytest.raises(PromotionRefused, match="WebService/t in prod"):
        promote(folder, proposed(folder, "WebService/s"))
    assert (folder / "retrainctl.yaml").read_text() == PROJECT


def test_a_cell_of_a_table_that_only_the_environment_reads_is_edited(tmp_path: Path) -> None:
    folder = project(tmp_path)
    each = SERVICE.replace("NAME", '"s{{ item.id }}"').replace("PIN", "c@{{ item.version }}").removeprefix("---\n")
    each = each.replace("spec:", 'forEach: {csv: "t-{{ environment }}.csv"}\nspec:')
    (folder / "m/each.yaml").write_text(each)
    (folder / "m/t-test.csv").write_text("id,version\n1,1\n2,2\n")
    (folder / "m/t-prod.csv").write_text("id,version\n1,1\n2,1\n")
    assert promote(folder, proposed(folder)) == ["m/t-prod.csv"]
    assert (folder / "m/t-prod.csv").read_text() == "id,version\n1,1\n2,2\n"


def test_a_quoted_cell_is_edited_too(tmp_path: Path) -> None:
    folder = project(tmp_path)
    each = SERVICE.replace("NAME", '"s{{ item.id }}"').replace("PIN", "c@{{ item.version }}").removeprefix("---\n")
    (folder / "m/each.yaml").write_text(each.replace("spec:", 'forEach: {csv: "t-{{ environment }}.csv"}\nspec:'))
    (folder / "m/t-test.csv").write_text("id,note,version\n1,x,2\n2,y,2\n")
    (folder / "m/t-prod.csv").write_bytes(b'id,note,version\r\n1,"a, b",1\r\n2,"c\r\nd","1"\r\n')
    promote(folder, proposed(folder))
    assert (folder / "m/t-prod.csv").read_bytes() == b'id,note,version\r\n1,"a, b",2\r\n2,"c\r\nd","2"\r\n'


@pytest.mark.parametrize(
    ("pin", "reason"),
    [
        ("c@{{ vars.a if environment == 'test' else vars.shared }}", "made by an expression"),
        ("c@{{ 2 if environment == 'test' else 1 }}", "made by an expression"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_reason(tmp_path: Path, pin: str, reason: str) -> None:
    folder = project(tmp_path, s=pin)
    (refused,) = proposed(folder).refused
    assert reason in refused.reason
    assert refused.hint


def test_a_shared_variable_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c@{{ vars.shared }}")
    text = PROJECT.replace("vars: {a: 2,", "vars: {shared: 2, a: 2,")
    (folder / "retrainctl.yaml").write_text(text)
    (refused,) = proposed(folder).refused
    assert "other environments share it" in refused.reason


def test_a_version_that_is_not_declared_there_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c-{{ environment }}@{{ vars.a }}")
    for environment in ("test", "prod"):
        (folder / f"m/{environment}.yaml").write_text(MODEL.replace("name: c", f"name: c-{environment}"))
    (refused,) = proposed(folder).refused
    assert "another model" in refused.reason


def test_a_value_is_explained_up_to_the_place_that_counts(tmp_path: Path) -> None:
    folder = project(tmp_path, s="c@{{ vars.a }}")
    loaded = load(folder / "retrainctl.yaml", "prod", {"a": "2"}, {"RETRAINCTL_VAR_a": "1"})
    (value,) = explain(loaded, "vars.a", {"RETRAINCTL_VAR_a": "1"}, {"a": "2"})
    assert value.value == 2
    assert [(one.what, one.used) for one in value.origins] == [
        ("environment prod", False),
        ("RETRAINCTL_VAR_a", False),
        ("--var a", True),
    ]
    (pin,) = explain(read(folder, "prod"), "WebService/s#spec.models", {}, {})
    assert (pin.value, pin.written) == ("c@1", "c@{{ vars.a }}")
    assert str(pin.origins[0].place) == "retrainctl.yaml:12:12"
