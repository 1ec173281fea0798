"""Loading any project ends with findings, never with an exception; good projects survive being rewritten."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrainctl.diagnostics import Severity
from retrainctl.manifest.load import load
from tests.support.project_files import PROJECT, loaded, write

GOOD = """\
apiVersion: retrainctl/v1
kind: Model
metadata: {name: "m{{ item.id }}"}
forEach: {csv: rows.csv, first: "{{ vars.locations }}"}
spec: {versions: {csv: versions.csv}}
---
apiVersion: retrainctl/v1
kind: CommitmentPlan
metadata: {name: s1}
spec: {sku: {name: S1, tier: Standard, capacity: 1}, tags: {a: b}}
---
apiVersion: retrainctl/v1
kind: WebService
metadata: {name: "w{{ item.id }}", after: [CommitmentPlan/s1]}
forEach: {csv: rows.csv, first: "{{ vars.locations }}"}
spec:
  title: &t Census
  description: *t
  models: {"Census [trained model]": "m{{ item.id }}@{{ item.version }}"}
  diagnostics: {level: Error, expiry: 2030-01-01T00:00:00Z}
  commitmentPlan: CommitmentPlan/s1
  storageAccount: {name: acct, key: {env: KEY}}
"""
ROWS = "id,version\n1,1\n2,1\n"
VERSIONS = "model,version,uri,metrics.AUC\nm1,1,https://a.blob.core.windows.net/c/1.ilearner,0.9\nm2,1,https://a.blob.core.windows.net/c/2.ilearner,\n"
PIECES = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\t",
        ":",
        "{",
        "}",
        "[",
        "]",
        "{{",
        "}}",
        "'",
        '"',
        "&a ",
        "*a",
        "!x ",
        "no",
        "012",
        "1e3",
        "- ",
        "---\n",
        "<<: ",
        "\x00",
        "é",
        "|int",
        ",",
        "#",
        "null",
        "item",
        "vars",
    ]
)


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """The good project with a few pieces cut out and put in."""
    texts = [PROJECT, GOOD, ROWS, VERSIONS]
    for _ in range(draw(st.integers(1, 4))):
        which = draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
        text = texts[which]
        start = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 12))
        texts[which] = text[:start] + draw(PIECES) + text[start + cut :]
    return texts[0], texts[1], texts[2], texts[3]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=3000)
@given(mangled())
def test_no_project_makes_loading_fail(texts: tuple[str, str, str, str]) -> None:
    names = ("retrainctl.yaml", "manifests/a.yaml", "manifests/rows.csv", "manifests/versions.csv")
    with tempfile.TemporaryDirectory() as folder:
        result = load(write(Path(folder), dict(zip(names, texts, strict=True))), "local", {}, {})
        lines = {name: text.count("\n") + 2 for name, text in zip(names, texts, strict=True)}
    for finding in result.diagnostics:
        assert finding.message
        if finding.span is not None:
            assert (
                1 <= finding.span.line <= lines[finding.span.file] + texts[names.index(finding.span.file)].count("\x85")
            )
    for one in result.desired:
        assert one.origin is not None
        for slot in one.slots:
            assert one.span(("models", slot)) is not None


@settings(deadline=None, max_examples=3000)
@given(count=st.integers(0, 5), data=st.data())
def test_a_foreach_equals_its_documents_written_out(count: int, data: st.DataObject) -> None:
    """One document with forEach and the same documents by hand make the same state."""
    rows = [
        (data.draw(st.integers(0, 99)), data.draw(st.sampled_from(["blue", "green", "a b", "é"]))) for _ in range(count)
    ]
    rows = list(dict(rows).items())
    each = (
        'apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {name: "w-{{ item.id }}"}\nforEach: {csv: rows.csv}\n'
        'spec: {title: "{{ item.title }}", tags: {id: "{{ item.id }}"},\n'
        '  realtimeConfiguration: {maxConcurrentCalls: "{{ item.id|int + 4 }}"}}\n'
    )
    written = "---\n".join(
        f'apiVersion: retrainctl/v1\nkind: WebService\nmetadata: {{name: "w-{number}"}}\n'
        f'spec: {{title: "{title}", tags: {{id: "{number}"}},\n'
        f"  realtimeConfiguration: {{maxConcurrentCalls: {number + 4}}}}}\n"
        for number, title in rows
    )
    table = "id,title\n" + "".join(f"{number},{title}\n" for number, title in rows)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first = loaded(Path(one), {"manifests/a.yaml": each, "manifests/rows.csv": table})
        second = loaded(Path(other), {"manifests/a.yaml": written or "# nothing\n"})
    assert not [finding for finding in first.diagnostics if finding.severity is Severity.ERROR]
    assert [(d.address, d.place, d.fields) for d in first.desired] == [
        (d.address, d.place, d.fields) for d in second.desired
    ]
