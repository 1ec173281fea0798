"""New versions written into manifests: small hunks, comments and layout kept, slots moved along."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.manifest.csvedit import CsvEdit
from retrainctl.manifest.edit import Editor
from retrainctl.manifest.load import Loaded, load
from retrainctl.manifest.yamledit import YamlEdit, scalar
from retrainctl.model.versions import ModelVersion
from tests.support.project_files import PROJECT, write

URI = "https://acct.blob.core.windows.net/m"
SLOT = '"Census [trained model]"'


def version(model: str = "census", number: int = 3, **more: object) -> ModelVersion:
    return ModelVersion(
        model=model,
        version=number,
        uri=f"{URI}/{number}.ilearner",
        sha256="ab" * 32,
        etag='"0x8D1"',
        trained_at="2026-11-20T08:00:00Z",
        run="0123456789abcdef0123456789abcdef",
        metrics={"AUC": 0.9251, "Root Mean Squared Error": 1e-05},
        parameters={"URI": "https://acct.blob.core.windows.net/d/x.csv"},
        **more,  # type: ignore[arg-type]
    )


def project(root: Path, **files: str) -> Loaded:
    file = write(root, {name.replace("__", "/"): text for name, text in files.items()})
    return load(file, "local", {}, {})


def applied(loaded: Loaded, *versions: ModelVersion, bump: bool = True) -> tuple[Loaded, dict[str, list[str]]]:
    """The project after the edit, and each file's changed lines (`+`/`-`)."""
    assert loaded.diagnostics == ()
    edited = Editor(loaded, bump=bump).edited(versions)
    hunks = {}
    for name, data in edited.files.items():
        path = loaded.project.root / name
        old = path.read_bytes().decode()
        path.write_bytes(data)
        hunks[name] = [line for line in difflib.ndiff(old.splitlines(), data.decode().splitlines()) if line[0] in "+-"]
    after = load(loaded.project.root / "retrainctl.yaml", "local", {}, {})
    assert after.diagnostics == ()
    for one in versions:
        found = after.models[one.model].find(one.version)
        assert found is not None
        assert (found.uri, found.sha256, found.run, dict(found.metrics)) == (one.uri, one.sha256, one.run, one.metrics)
        assert dict(found.parameters) == one.parameters
        assert found.trained_at == one.trained_at
        assert (found.etag or "").strip('"') == "0x8D1"
    return after, hunks


HEAD = "apiVersion: retrainctl/v1\nkind: Model\nmetadata: {name: census}\n"
SERVICE = (
    "---\napiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: census}\n"
    f"spec:\n  # what is served\n  models: {{{SLOT}: census@2}}   # the newest\n"
)

BLOCK = (
    "# our models\n" + HEAD + "spec:\n  versions:\n"
    f"    - version: 1   # the first\n      uri: {URI}/1.ilearner\n"
    f"    - version: 2\n      uri: {URI}/2.ilearner\n      metrics: {{AUC: 0.9}}  # good\n    # the end of the list\n"
)
FLOW = (
    HEAD + "spec:\n  versions:\n"
    f"  - {{version: 1, uri: '{URI}/1.ilearner'}}\n"
    f"  - {{version: 2, uri: '{URI}/2.ilearner',\n     metrics: {{AUC: 0.9}}}}   # good\n"
)
INLINE = (
    HEAD + f"spec: {{versions: [{{version: 1, uri: '{URI}/1.ilearner'}}, {{version: 2, uri: '{URI}/2.ilearner'}}]}}\n"
)
WIDE = HEAD + f"spec:\n  versions:\n    -   version: 2\n        uri: {URI}/2.ilearner\n"


@pytest.mark.parametrize("models", [BLOCK, FLOW, INLINE, WIDE], ids=["block", "flow items", "one flow list", "wide"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_version_is_added_as_the_others_are_written(tmp_path: Path, models: str, ending: str) -> None:
    text = (models + SERVICE).replace("\n", ending)
    loaded = project(tmp_path, **{"manifests/a.yaml": text})
    after, hunks = applied(loaded, version())
    (desired,) = after.desired
    assert desired.slots[SLOT.strip('"')].version == 3
    (lines,) = hunks.values()
    removed = [line for line in lines if line.startswith("-")]
    assert len(removed) == (2 if models is INLINE else 1), "more than one hunk"
    new = (tmp_path / "manifests/a.yaml").read_bytes().decode()
    assert new.count("\r\n") == (new.count("\n") if ending == "\r\n" else 0)
    for comment in (
        "# our models",
        "# the first",
        "# good",
        "# the end of the list",
        "# what is served",
        "# the newest",
    ):
        assert (comment in text) == (comment in new)


def test_the_block_form_looks_as_a_person_would_write_it(tmp_path: Path) -> None:
    _, hunks = applied(project(tmp_path, **{"manifests/a.yaml": BLOCK + SERVICE}), version())
    assert hunks["manifests/a.yaml"] == [
        "+     - version: 3",
        f"+       uri: {URI}/3.ilearner",
        f"+       sha256: {'ab' * 32}",
        '+       etag: "0x8D1"',
        "+       trainedAt: 2026-11-20T08:00:00Z",
        "+       run: 0123456789abcdef0123456789abcdef",
        "+       metrics: {AUC: 0.9251, Root Mean Squared Error: 0.00001}",
        "+       parameters: {URI: https://acct.blob.core.windows.net/d/x.csv}",
        f"-   models: {{{SLOT}: census@2}}   # the newest",
        f"+   models: {{{SLOT}: census@3}}   # the newest",
    ]


@pytest.mark.parametrize(
    "empty", ["spec: {versions: []}\n", "spec:\n  versions: []   # none yet\n", "spec:\n  versions:\n    []\n"]
)
def test_the_first_version_of_a_model(tmp_path: Path, empty: str) -> None:
    applied(project(tmp_path, **{"manifests/a.yaml": HEAD + empty}), version(number=1))


def test_a_file_without_a_last_line_end(tmp_path: Path) -> None:
    applied(project(tmp_path, **{"manifests/a.yaml": BLOCK.rstrip("\n").rpartition("\n")[0]}), version())


def test_several_documents_and_several_versions(tmp_path: Path) -> None:
    other = BLOCK.replace("name: census", "name: income")
    text = BLOCK + "---\n" + other + SERVICE
    after, hunks = applied(
        project(tmp_path, **{"manifests/a.yaml": text}), version(), version("income"), version(number=4)
    )
    assert [v.version for v in after.models["census"].versions] == [1, 2, 3, 4]
    assert len(hunks) == 1


def test_no_bump_leaves_the_slots(tmp_path: Path) -> None:
    after, _ = applied(project(tmp_path, **{"manifests/a.yaml": BLOCK + SERVICE}), version(), bump=False)
    assert after.desired[0].slots[SLOT.strip('"')].version == 2


def test_a_slot_at_an_older_version_stays(tmp_path: Path) -> None:
    service = SERVICE.replace("census@2", "census@1")
    loaded = project(tmp_path, **{"manifests/a.yaml": BLOCK + service})
    assert Editor(loaded, bump=True).check(["census"]) == ()
    edited = Editor(loaded, bump=True).edited([version()])
    assert (len(edited.moved), [pin.version for pin in edited.left]) == (0, [1])


def test_what_is_recorded_already_is_not_written_again(tmp_path: Path) -> None:
    after, _ = applied(project(tmp_path, **{"manifests/a.yaml": BLOCK + SERVICE}), version())
    assert Editor(after, bump=True).edited([version()]).files == {}
    with pytest.raises(InvalidInput, match="cannot become"):
        Editor(after, bump=True).edited([ModelVersion(model="census", version=3, uri=f"{URI}/other.ilearner")])


# CSV files

ROWS = 'id,version,note\n001,1,a\n002,1,"b, c"\n003,2,d\n'
VERSIONS = (
    "model,version,uri,sha256,etag,trainedAt,run,metrics.AUC,metrics.Root Mean Squared Error,parameters.URI\n"
    f"m-001,1,{URI}/1.ilearner,,,,,0.9,,\nm-002,1,{URI}/1.ilearner,,,,,,,\n"
    f"m-003,1,{URI}/1.ilearner,,,,,,,\nm-003,2,{URI}/2.ilearner,,,,,,,\n"
)
MODELS = (
    'apiVersion: retrainctl/v1\nkind: Model\nmetadata: {name: "m-{{ item.id }}"}\n'
    "forEach: {csv: ../rows.csv}\nspec: {versions: {csv: ../versions.csv}}\n"
)
SERVICES = (
    '---\napiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: "s-{{ item.id }}"}\n'
    "forEach: {csv: ../rows.csv}\n"
    f'spec: {{models: {{{SLOT}: "m-{{{{ item.id }}}}@{{{{ item.version }}}}"}}}}\n'
)


def csv_project(root: Path, **files: str) -> Loaded:
    return project(root, **{"rows.csv": ROWS, "versions.csv": VERSIONS, "manifests/a.yaml": MODELS + SERVICES, **files})


def test_rows_and_cells_of_csv_files(tmp_path: Path) -> None:
    after, hunks = applied(csv_project(tmp_path), version("m-001", 2), version("m-003", 3))
    assert [d.slots[SLOT.strip('"')].version for d in after.desired] == [2, 1, 3]
    rows = [line for line in hunks["versions.csv"] if line[0] == "+"]
    assert len(rows) == len(hunks["versions.csv"]) == 2
    assert rows[0].startswith("+ m-001,2,")
    assert hunks["rows.csv"] == ["- 001,1,a", "+ 001,2,a", "- 003,2,d", "+ 003,3,d"]
    text = (tmp_path / "versions.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in text[1:]] == [
        ["m-001", "1"],
        ["m-001", "2"],
        ["m-002", "1"],
        ["m-003", "1"],
        ["m-003", "2"],
        ["m-003", "3"],
    ]


def test_a_new_file_of_versions_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    loaded = csv_project(
        tmp_path,
        **{
            "versions.csv": "model,version,uri\nm-001,1,https://a.b/1.ilearner\n"
            + "".join(f"m-00{n},{v},https://a.b/{v}.ilearner\n" for n, v in ((2, 1), (3, 1), (3, 2)))
        },
    )
    edited = Editor(loaded, bump=True).edited([version("m-001", 2)])
    assert "metrics.AUC" in edited.widened["versions.csv"]
    applied(loaded, version("m-001", 2))


def test_quotes_and_line_ends_of_a_csv_file_stay(tmp_path: Path) -> None:
    rows = ROWS.replace("\n", "\r\n").replace("002,1", '"002","1"')
    loaded = csv_project(tmp_path, **{"rows.csv": rows})
    applied(loaded, version("m-002", 2))
    assert (tmp_path / "rows.csv").read_bytes().decode() == rows.replace('"002","1"', '"002","2"')


# What cannot be written is said before anything is trained


def problems(loaded: Loaded, *models: str) -> list[str]:
    assert loaded.diagnostics == ()
    found = Editor(loaded, bump=True).check(models)
    assert all(one.span is not None and one.hint for one in found)
    return [one.code for one in found]


def test_a_pin_from_a_variable_is_refused(tmp_path: Path) -> None:
    service = SERVICE.replace("census@2", '"census@{{ vars.locations }}"')
    loaded = project(tmp_path, **{"manifests/a.yaml": BLOCK + service})
    assert problems(loaded, "census") == ["RC603"]
    assert Editor(loaded, bump=False).check(["census"]) == ()


def test_a_cell_or_literal_that_several_models_share_is_refused(tmp_path: Path) -> None:
    others = SERVICES.replace("s-", "t-").replace("m-{{ item.id }}", "m-002")
    same = ROWS.replace("003,2", "003,1")
    loaded = csv_project(tmp_path, **{"manifests/b.yaml": others, "rows.csv": same})
    assert problems(loaded, "m-001") == ["RC603"]
    literal = SERVICES.replace("@{{ item.version }}", "@1")
    (tmp_path / "manifests/b.yaml").unlink()
    assert problems(csv_project(tmp_path, **{"manifests/a.yaml": MODELS + literal}), "m-001") == ["RC603"]


def test_a_list_item_of_foreach_is_no_cell(tmp_path: Path) -> None:
    service = (
        "---\napiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: s}\nforEach: {list: [{version: 2}]}\n"
        f'spec: {{models: {{{SLOT}: "census@{{{{ item.version }}}}"}}}}\n'
    )
    assert problems(project(tmp_path, **{"manifests/a.yaml": BLOCK + service}), "census") == ["RC603"]


def test_one_list_for_several_models_is_refused(tmp_path: Path) -> None:
    text = BLOCK.replace("{name: census}", '{name: "c{{ item }}"}\nforEach: {range: [1, 2]}')
    assert problems(project(tmp_path, **{"manifests/a.yaml": text}), "c1") == ["RC605"]


def test_versions_from_an_expression_are_refused(tmp_path: Path) -> None:
    text = HEAD + 'spec: {versions: "{{ vars.versions }}"}\n'
    head = PROJECT.replace("{locations: 2}", "{versions: [{version: 1, uri: 'https://a.b/1.ilearner'}]}")
    loaded = project(tmp_path, **{"retrainctl.yaml": head, "manifests/a.yaml": text})
    assert problems(loaded, "census") == ["RC605"]


def test_one_literal_for_many_services_of_one_model_moves_once(tmp_path: Path) -> None:
    service = (
        '---\napiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: "s{{ item }}"}\nforEach: {range: [1, 3]}\n'
        f"spec: {{models: {{{SLOT}: census@2}}}}\n"
    )
    after, hunks = applied(project(tmp_path, **{"manifests/a.yaml": BLOCK + service}), version())
    assert {d.slots[SLOT.strip('"')].version for d in after.desired} == {3}
    assert sum(line.startswith("-") for line in hunks["manifests/a.yaml"]) == 1


# The editors by themselves


def test_csv_cells_may_span_lines() -> None:
    edit = CsvEdit('a,b\n"x\ny",1\n\nz,2\n')
    assert edit.header == ("a", "b")
    assert edit.cell(2, "a") == "x\ny"
    edit.change(5, "b", 'q"r')
    edit.add(None, {"a": "l, m"})
    assert edit.result() == 'a,b\n"x\ny",1\n\nz,"q""r"\n"l, m",\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Root Mean Squared Error", "Root Mean Squared Error"),
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        ("12e3", '"12e3"'),
        ("0123", '"0123"'),
        ("yes", '"yes"'),
        ("null", '"null"'),
        ("a: b", '"a: b"'),
        ('say "x"', "'say \"x\"'"),
        ("it's", '"it\'s"'),
        ("- x", '"- x"'),
        ("{{ x }}", '"{{ x }}"'),
        ("", '""'),
        (1e-05, "0.00001"),
        (3.0, "3.0"),
        (7, "7"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_scalars_are_what_every_reader_takes_them_for(value: object, text: str) -> None:
    assert scalar(value) == text


def test_a_scalar_is_found_by_its_place() -> None:
    edit = YamlEdit("a: 1\n---\nb: {c: 'x@1'}\n")
    assert edit.scalar((3, 8)) == "'x@1'"
    edit.change_tail((3, 8), "@1", "@2")
    assert edit.result() == "a: 1\n---\nb: {c: 'x@2'}\n"
