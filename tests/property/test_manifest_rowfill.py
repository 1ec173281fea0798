"""The function that fills in rows makes what the walk over the document makes, or says that it cannot."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest import csvfile, rowfill, yamlfile
from retrainctl.manifest.document import Document
from retrainctl.manifest.tree import Tree, compile_document

SCOPE = {"vars": {"stage": "prod", "calls": 20, "tags": {"a": "b"}}, "environment": "test"}
HEADER = ("id", "version", "a")
SCALARS = st.one_of(
    st.sampled_from(
        [
            "{{ item.id }}",
            "m-{{ item.id }}@{{item.version}}",
            "{{ item.a }}{{ item.a }}",
            "{{ vars.stage }}-{{ item.id }}",
            "{{ vars.calls }}",
            "{{ vars.tags }}",
            "{{ environment }}",
            "{{ item.version|int }}",
            "{{ item.missing }}",
            "row[0]",
            "v0",
        ]
    ),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=6).filter(lambda text: "{{" not in text),
    st.integers(-5, 5),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", 'c "x"', "{{ item.id }}", "{{ vars.stage }}"]), inner, max_size=3)
    ),
    max_leaves=8,
)
CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=4)


def _compiled(spec: Any) -> Tree:
    data = {"apiVersion": "retrainctl/v1", "kind": "Model", "forEach": {"csv": "rows.csv"}, "spec": spec}
    found = Diagnostics()
    documents: list[Document] = yamlfile.read(yaml.safe_dump(data, allow_unicode=True), "m.yaml", found)
    assert len(documents) == 1
    return compile_document(documents[0], SCOPE, with_item=True, late={})


@given(TREES, st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=3))
def test_rows_are_filled_in_alike(spec: Any, cells: list[tuple[str, str, str]]) -> None:
    tree = _compiled(spec)
    rows = [list(row) for row in cells] * 64
    table = csvfile.Table("rows.csv", HEADER, rows, csvfile.array("L", range(len(rows))), True)
    fill = rowfill.row_filler(tree, table)
    if fill is None or tree.failures:
        return
    for at, row in enumerate(rows[: len(cells)]):
        expected, failures = tree.fill(table.mapping(at))
        assert not failures, "what may fail is not for the quick way"
        assert fill(row) == expected
        assert repr(fill(row)) == repr(expected), "1 is not true"


def test_a_large_project_takes_the_quick_way() -> None:
    tree = _compiled({"name": "{{ vars.stage }}", "models": {"slot": "m-{{ item.id }}@{{ item.version }}"}})
    table = csvfile.Table("rows.csv", HEADER, [["7", "2", ""]] * 64, csvfile.array("L", range(64)), True)
    fill = rowfill.row_filler(tree, table)
    assert fill is not None
    assert fill(["7", "2", ""])["spec"] == {"name": "prod", "models": {"slot": "m-7@2"}}


def test_a_text_that_would_get_too_long_takes_the_other_way() -> None:
    tree = _compiled("x{{ item.a }}")
    table = csvfile.Table("rows.csv", HEADER, [["1", "1", "y" * 70_000]] * 64, csvfile.array("L", range(64)), True)
    assert rowfill.row_filler(tree, table) is None
