"""Models as text: within the width, and nothing of a stranger's file acts on the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.operations.model_reports import compared, inspected
from retrainctl.render.model_file_text import comparison_text, inspection_text, scores_text
from retrainctl.render.models_text import checks_text, model_text, models_text
from retrainctl.render.style import Style, cells
from retrainctl.render.table import table
from tests.support.ilearner_writer import ModelFile

NASTY = "\x1b[31m##vso[task]\u202e\n::error::x"
URI = "https://acct.blob.core.windows.net/models/census/1.ilearner"


def fits(text: str, width: int = 80) -> bool:
    """No line is wider, unless it is one unbreakable word (a hash, a URI) with its name."""
    return all(cells(line) <= width or len(line.split()) <= 3 for line in text.splitlines())


def inert(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text) and "##" not in text and "\n::" not in text


def written(folder: Path, model: ModelFile, name: str = "model.ilearner") -> Path:
    path = folder / name
    path.write_bytes(model.bytes())
    return path


def test_an_inspection_names_everything_that_matters(tmp_path: Path):
    text = inspection_text(inspected("model.ilearner", written(tmp_path, ModelFile())))
    for words in (
        "model.ilearner: Two-Class Support Vector Machine (Studio model)",
        "outcome: String, values no, yes; the probability is that of yes",
        "numIterations=1, lambda=0.001, allowUnknownLevels=True",
        "Columns (2)",
        "2: blue, red",
        "PLATTCAL",
        "can be scored yes",
    ):
        assert words in text
    assert fits(text)


def test_an_inspection_says_what_is_not_understood(tmp_path: Path):
    strange = ModelFile(root="Microsoft.Analytics.MachineLearning.Local.BoostedThing")
    text = inspection_text(inspected("x", written(tmp_path, strange)))
    assert "BoostedThing" in text
    assert "can be scored no" in text
    assert "Not understood" in text


def test_foreign_names_do_nothing(tmp_path: Path):
    features = [(f"colour {NASTY}", (f"blue {NASTY}", "red")), ("size", None)]
    before = written(tmp_path, ModelFile(), "a")
    after = written(tmp_path, ModelFile(features=features, label=f"label {NASTY}"), "b")
    for text in (
        inspection_text(inspected(NASTY, after)),
        comparison_text(compared((NASTY, NASTY), before, after)),
        comparison_text(compared((NASTY, NASTY), after, before)),
        scores_text({"rows": [{NASTY: NASTY}], "scores": [NASTY], "notes": [NASTY]}),
        models_text({"models": [model(NASTY)]}),
        model_text(shown(NASTY)),
        checks_text(checked(NASTY)),
    ):
        assert inert(text)
        assert "\\x1b[31m" in text


def test_a_comparison_shows_gains_and_losses(tmp_path: Path):
    old = ModelFile(features=[("colour", ("blue", "red")), ("size", None), ("gone", None)])
    new = ModelFile(
        features=[("colour", ("blue", "green")), ("size", ("1",)), ("come", None)],
        settings={"numIterations": 5, "lambda": 0.001},
        bias=2.0,
    )
    text = comparison_text(compared(("a", "b"), written(tmp_path, old, "a"), written(tmp_path, new, "b")))
    for words in (
        "+ come",
        "- gone",
        "~ size: Numeric → Categorical",
        "+ green",
        "- red",
        "~ numIterations: 1 → 5",
        "~ allowUnknownLevels: True → (none)",
        "Bias",
        "+1.5",
        "[RC754]",
    ):
        assert words in text
    assert fits(text)


def test_equal_files_and_equal_models(tmp_path: Path):
    one, same = written(tmp_path, ModelFile(), "a"), written(tmp_path, ModelFile(), "b")
    other = written(tmp_path, ModelFile(stored=True), "c")
    assert "nothing differs" in comparison_text(compared(("a", "b"), one, same))
    assert "are the same" in comparison_text(compared(("a", "c"), one, other))


def test_many_categories_are_cut(tmp_path: Path):
    before = written(tmp_path, ModelFile(features=[("zip", tuple(f"{n:05}" for n in range(500)))]), "a")
    after = written(tmp_path, ModelFile(features=[("zip", ("x",))]), "b")
    text = comparison_text(compared(("a", "b"), before, after))
    assert "and 488 more" in text
    assert fits(text)


def test_scores_stand_in_a_table_and_say_when_there_are_more():
    rows = [{"Scored Labels": "yes", "Scored Probabilities": 0.25}, {"Scored Labels": None}]
    text = scores_text({"rows": rows * 150, "scores": ["Scored Labels", "Scored Probabilities"], "notes": ["a note"]})
    assert "  1  yes            0.25" in text
    assert "(no score)" in text
    assert "... and 100 more rows" in text
    assert "- a note" in text


def model(name: str = "census", *versions: int) -> dict[str, Any]:
    used = [{"address": f"WebService/{name}", "slot": "s", "version": version} for version in versions]
    return {"name": name, "versions": 12, "latest": 12, "trained_at": "2026-11-02", "used_by": used}


def test_the_list_fits_any_width():
    document = {"models": [model("census", 12), model("x" * 70, 1, 1, 2), model("idle")]}
    for width in (40, 80, 200):
        text = models_text(document, Style(width=width))
        assert all(cells(line) <= max(width, 60) for line in text.splitlines())
    assert "WebService/census @12" in models_text(document, Style(width=200))
    assert "2 slots @1, 1 slot @2" in models_text(document, Style(width=200))
    assert models_text({"models": []}) == "No model is declared.\n"


def shown(name: str = "census") -> dict[str, Any]:
    use = {"address": f"WebService/{name}", "slot": name, "version": 1}
    one = {
        "version": 1, "label": f"{name}@1", "uri": f"{URI}/{name}", "file": None, "size": None, "sha256": "ab" * 32,
        "etag": None, "trained_at": name, "run": name, "metrics": {name: 0.25}, "origin": f"{name}:1:1",
        "used_by": [use],
    }  # fmt: skip
    two = {**one, "version": 2, "uri": None, "file": "models/x.ilearner", "size": 36080, "used_by": [], "metrics": {}}
    return {"name": name, "versions": [one, two]}


def test_a_model_shows_where_its_versions_are():
    text = model_text(shown())
    assert "@2  models/x.ilearner" in text
    assert "local, 36,080 bytes; uploaded on apply" in text
    assert "WebService/census, slot census" in text
    assert fits(text)


def checked(name: str = "census") -> dict[str, Any]:
    finding = {
        "code": "RC659", "severity": "error", "message": f"{name}: other bytes", "hint": name,
        "path": name, "line": 3, "column": 5,
    }  # fmt: skip
    bad = {
        "label": f"{name}@2", "uri": URI, "file": None, "ok": False, "size": 5, "sha256": "a", "declared_sha256": "b",
        "findings": [finding],
    }  # fmt: skip
    good = {**bad, "label": f"{name}@1", "ok": True, "sha256": "b", "findings": []}
    unread = {**good, "label": f"{name}@3", "sha256": None}
    return {"environment": name, "findings": 1, "versions": [good, bad, {**unread, "declared_sha256": None}, unread]}


def test_a_verification_puts_findings_first_and_explains_them():
    text = checks_text(checked())
    assert text.startswith("4 versions checked in census: 1 finding.")
    lines = text.splitlines()
    assert lines[3].split()[:2] == ["FINDING", "census@2"]
    assert "DIFFERS" in lines[3]
    assert "error[RC659]: census: other bytes" in text
    assert "--> census:3:5" in text
    assert fits(text)
    assert "no findings" in checks_text({**checked(), "findings": 0, "versions": []})


def test_colour_changes_no_word(tmp_path: Path):
    import re

    path = written(tmp_path, ModelFile())
    document = inspected("x", path)
    coloured = inspection_text(document, Style(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == inspection_text(document)
    assert coloured != inspection_text(document)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_never_cuts_numbers(width: int):
    rows = [("a" * 50, "1234567", "b" * 60), ("c", "1", "d")]
    lines = list(table(("ONE", "TWO", "THREE"), rows, Style(width=width), right={1}))
    assert all("1234567" in line for line in lines[1:2])
    assert len(lines) == 3


def test_the_documents_are_json(tmp_path: Path):
    json.dumps(inspected("x", written(tmp_path, ModelFile())))
