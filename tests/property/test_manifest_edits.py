"""Any layout of a manifest or table: the new version is read back, and every other byte is as it was."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest import csvfile, yamlfile
from retrainctl.manifest.csvedit import CsvEdit
from retrainctl.manifest.edit import as_item
from retrainctl.manifest.yamledit import YamlEdit, scalar
from retrainctl.model.versions import ModelVersion

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and "{{" not in text and text != "<<"
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12).map(
    lambda v: float(f"{v:.10g}")
)
VERSIONS = st.builds(
    ModelVersion,
    model=st.just("m"),
    version=st.integers(4, 999_999_999),
    uri=st.just("https://acct.blob.core.windows.net/c/x.ilearner"),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    etag=st.sampled_from([None, '"0x8D38D4AB54E1BB4"', "0x1", "12e3"]),
    trained_at=st.just("2026-11-20T08:00:00Z"),
    run=st.text("0123456789abcdef", min_size=32, max_size=32),
    metrics=st.dictionaries(NAMES, NUMBERS, max_size=4),
    parameters=st.dictionaries(NAMES, NAMES | st.integers(-99, 99) | st.booleans() | NUMBERS, max_size=3),
)


def read(text: str) -> list[object]:
    found = Diagnostics()
    documents = yamlfile.read(text, "a.yaml", found)
    assert not [one for one in found if one.code not in ("RC105", "RC106")], list(found)
    return [one.data for one in documents]


@given(NAMES | NUMBERS | st.integers(-(10**12), 10**12) | st.booleans() | st.none())
def test_a_scalar_is_read_back_as_itself(value: object) -> None:
    for text in (f"a: {scalar(value)}\n", f"{{a: {scalar(value)}, b: [{scalar(value)}]}}\n"):
        (data,) = read(text)
        assert isinstance(data, dict)
        assert data["a"] == value
        assert type(data["a"]) is type(value)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A Model document in one of many layouts, between other documents."""
    count = draw(st.integers(0, 3))
    comment = draw(st.sampled_from(["", "   # why", "\t# tab" if count == 0 else ""]))
    comment = comment.replace("\t", " ")
    uri = "https://acct.blob.core.windows.net/c/{}.ilearner"
    indent = " " * draw(st.integers(0, 4))
    gap = " " * draw(st.integers(1, 3))
    style = draw(st.sampled_from(["block", "flow items", "flow list"]))
    if count == 0:
        body = f"spec:\n  versions: []{comment}\n"
    elif style == "flow list":
        items = ", ".join(f"{{version: {n}, uri: '{uri.format(n)}'}}" for n in range(1, count + 1))
        body = f"spec: {{versions: [{items}]}}{comment}\n"
    elif style == "flow items":
        items = "".join(
            f"  {indent}-{gap}{{version: {n}, uri: '{uri.format(n)}'}}{comment}\n" for n in range(1, count + 1)
        )
        body = f"spec:\n  versions:\n{items}"
    else:
        pad = " " * (len(indent) + 3 + len(gap))
        items = "".join(
            f"  {indent}-{gap}version: {n}{comment}\n{pad}uri: {uri.format(n)}{comment}\n" for n in range(1, count + 1)
        )
        body = f"spec:\n  versions:\n{items}"
    before = draw(st.sampled_from(["", "# head\n", "a: 1\n---\n", "---\n"]))
    after = draw(st.sampled_from(["", "# tail\n", "---\nb: {c: [1, 2]}\n", "...\n"]))
    text = f"{before}kind: Model\n{body}{after}"
    if draw(st.booleans()) and not after:
        text = text.removesuffix("\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(manifests(), VERSIONS)
@settings(max_examples=300)
def test_a_version_is_added_to_any_layout(text: str, version: ModelVersion) -> None:
    found = Diagnostics()
    documents = yamlfile.read(text, "a.yaml", found)
    (place,) = [n for n, one in enumerate(documents) if isinstance(one.data, dict) and one.data.get("kind") == "Model"]
    document = documents[place]
    value = document.span(("spec", "versions"), key=False)
    key = document.span(("spec", "versions"))
    edit = YamlEdit(text)
    item = as_item(version)
    edit.append((value.line, value.column), key.column, item)
    new = edit.result()
    datas = read(new)
    wanted = [one.data for one in documents]
    wanted[place] = {**document.data, "spec": {"versions": [*document.data["spec"]["versions"], item]}}
    assert datas == wanted
    # Every line that was there is still there, in its order; at most the one with the list itself has changed.
    lines, rest = text.splitlines(), iter(new.splitlines())
    missing = [line for line in lines if not any(line == other for other in rest)]
    assert len(missing) == 0 or ("versions: [" in text and "[" in "".join(missing[:1]))


CELL = st.text(st.sampled_from('ab1,"\n .;é'), max_size=5)


@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5),
    st.data(),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
def test_cells_and_rows_of_any_table(rows: list[tuple[str, str, str]], data: st.DataObject) -> None:
    ending = data.draw(st.sampled_from(["\n", "\r\n"]))

    def written(cell: str) -> str:
        must = any(c in cell for c in ',"\n')
        return '"' + cell.replace('"', '""') + '"' if must or data.draw(st.booleans()) else cell

    lines = ["id,version,note", *(",".join(map(written, row)) for row in rows)]
    text = ending.join(lines) + data.draw(st.sampled_from(["", ending]))
    found = Diagnostics()
    table = csvfile.parse(text, "a.csv", found)
    if table is None or len(table.rows) != len(rows):
        return  # a row of empty cells may be an empty line
    at = data.draw(st.integers(0, len(rows) - 1))
    value, added = data.draw(CELL), data.draw(CELL)
    edit = CsvEdit(text)
    assert [edit.cell(line, "version") for line in table.lines] == [row[1] for row in table.rows]
    edit.change(table.lines[at], "version", value)
    edit.add(table.lines[at], {"id": "new", "note": added})
    again = csvfile.parse(edit.result(), "a.csv", found)
    assert again is not None
    wanted = [list(row) for row in table.rows]
    wanted[at][1] = value
    wanted.insert(at + 1, ["new", "", added])
    assert again.rows == wanted


def test_the_example_project_is_edited_in_no_time(repo: Path) -> None:
    """1,010 rows at once: linear, not quadratic (a slow edit would make this test time out)."""
    text = (repo / "manifests/bike-rental/versions.csv").read_text()
    edit = CsvEdit(text)
    for line in range(2, 1012):
        edit.add(line, {"model": f"m{line}", "version": "2"})
        edit.change(line, "version", "7")
    assert edit.result().count("\n") == text.count("\n") + 1010
