"""`show`, `explain` and `validate` as a user meets them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from retrainctl.cli import boundary
from retrainctl.codes import catalogue
from retrainctl.plan.encode import digest
from tests.golden.render.plans import SIGNATURE, a_change, a_plan, plans
from tests.golden.render.receipts import receipts


def run(*argv: str, stdin: bytes = b"", **environ: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with io.TextIOWrapper(io.BytesIO(stdin)) as stream:
        code = boundary.run(argv, stdin=stream, stdout=out, stderr=err, environ=environ)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    def save(document: dict[str, Any]) -> str:
        if "resource_changes" in document:
            document = {**document, "digest": digest(document)}
        file = tmp_path / "saved.json"
        file.write_text(json.dumps(document))
        return str(file)

    return save


@pytest.mark.parametrize("form", ["text", "json", "md", "html", "sarif", "junit", "events"])
def test_a_plan_is_shown_in_every_format(saved: Any, form: str) -> None:
    code, out, err = run("show", saved(plans()["one-move"]), "--output", form)
    assert (code, err) == (0, "")
    assert "census" in out or form == "sarif"


@pytest.mark.parametrize("form", ["text", "json", "md", "junit", "events"])
def test_a_receipt_is_shown_in_its_formats(saved: Any, form: str) -> None:
    code, out, err = run("show", saved(receipts()["receipt-conflict"]), "--output", form)
    assert (code, err) == (0, "")
    assert "WebService/b" in out


def test_a_receipt_has_no_html(saved: Any) -> None:
    code, _, err = run("show", saved(receipts()["receipt-applied"]), "--output", "html")
    assert code == 64
    assert "a receipt has no html form" in err


def test_a_budget_is_kept(saved: Any) -> None:
    file = saved(plans()["thousand-moves"])
    _, out, _ = run("show", file, "--output", "md", "--budget", "azdo-description")
    assert len(out) <= 4000


def test_the_hint_names_the_file_and_pipelines_get_none(saved: Any) -> None:
    file = saved(plans()["one-move"])
    assert f"Next: retrainctl apply {file} --env prod" in run("show", file)[1]
    assert "Next" not in run("show", file, CI="true")[1]


def test_stdin_will_do() -> None:
    plan = plans()["one-move"]
    plan["digest"] = digest(plan)
    code, out, err = run("show", "-", stdin=b"\xef\xbb\xbf" + json.dumps(plan).encode())
    assert (code, err) == (0, "")
    assert out.startswith("Plan for prod")


def test_an_edited_plan_is_shown_with_a_warning(saved: Any, tmp_path: Path) -> None:
    file = Path(saved(plans()["one-move"]))
    file.write_text(file.read_text().replace("census@7", "census@8"))
    code, out, err = run("show", str(file))
    assert code == 0
    assert "census@8" in out
    assert "its digest does not match" in err


def test_secrets_in_an_edited_plan_stay_hidden(saved: Any) -> None:
    file = saved(a_plan([a_change(after={"description": f"https://a/b?{SIGNATURE}"}, reason=f"a`|?{SIGNATURE}")]))
    for form in ("text", "json", "md", "html", "sarif", "junit", "events"):
        assert "TOPSECRET" not in run("show", file, "--output", form, "--explain")[1], form


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"{", 1, "is not JSON"),
        (b"\xff\xfe", 1, "is not JSON"),
        (b"[]", 1, "neither a plan nor a receipt"),
        (b"{}", 1, "neither a plan nor a receipt"),
        (b'{"resource_changes": [], "format_version": "2.0"}', 4, "has format 2.0"),
        (b'{"resource_changes": []}', 4, "has format unknown"),
    ],
)
def test_what_is_no_plan_is_said(tmp_path: Path, content: bytes, code: int, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    got, out, err = run("show", str(tmp_path / "x.json"))
    assert (got, out) == (code, "")
    assert message in " ".join(err.split())
    assert "= help:" in err


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    code, _, err = run("show", str(tmp_path / "none.json"))
    assert code == 1
    assert err.startswith("error[RC005]: cannot read")


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_every_code_explains_itself(name: str) -> None:
    code, out, err = run("explain", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: ")
    assert "\nCause: " in out
    assert "\nFix:   " in out


def test_explain_forgives_case_and_suggests() -> None:
    assert run("explain", "rc001")[1].startswith("RC001: ")
    code, _, err = run("explain", "RC1")
    assert code == 64
    assert "error[RC009]" in err
    assert "Did you mean RC001?" in err
    assert "--all" in run("explain", "nonsense")[2]


def test_explain_lists_all_also_as_json() -> None:
    assert len(run("explain", "--all")[1].splitlines()) == len(catalogue())
    entries = json.loads(run("explain", "--all", "--output", "json")[1])
    assert [entry["code"] for entry in entries] == list(catalogue())


PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {name: x}
spec: {manifests: [m/], environments: {local: {emulator: {}}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p" / "m").mkdir(parents=True)
    (tmp_path / "p" / "retrainctl.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p"


def test_a_good_project_is_valid(project: Path) -> None:
    assert run("validate") == (0, "Valid: no findings.\n", "")
    assert run("validate", "--output", "json") == (0, "[]\n", "")


def test_findings_come_with_their_line_in_every_format(project: Path) -> None:
    (project / "m" / "a.yaml").write_text("apiVersion: retrainctl/v1\nkind: WebServce\nmetadata: {name: a}\n")
    code, out, err = run("validate")
    assert (code, err) == (1, "")
    assert out.startswith("m/a.yaml:2:7: error[RC")
    assert "  2 | kind: WebServce\n    |       ^\n" in out
    for form, sign in (
        ("json", '"path": "m/a.yaml"'),
        ("sarif", '"uri": "m/a.yaml"'),
        ("junit", "<failure"),
        ("github", "::error "),
    ):
        code, out, _ = run("validate", "--output", form)
        assert code == 1
        assert sign in out


def test_files_are_named_as_seen_from_here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "m" / "a.yaml").write_text("\tx\n")
    monkeypatch.chdir(project.parent)
    _, out, _ = run("validate", "--project", "p/retrainctl.yaml")
    assert out.startswith("p/m/a.yaml:1:1: error[")
    assert "1 | " in out


def test_no_project_is_a_finding_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("validate", "--output", "json")
    assert code == 1
    assert json.loads(out)[0]["code"] == "RC010"
