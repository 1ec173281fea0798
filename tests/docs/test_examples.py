"""What README and docs show is true: command blocks run, outputs are what a user gets, YAML loads.

docs/contributing.md describes the directives that stand above the blocks. With RETRAINCTL_DOCS_UPDATE=1 a shown output
that is another one by now is replaced in its page instead; review that with git.
"""

from __future__ import annotations

import contextlib
import difflib
import gc
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrainctl.cli import app
from retrainctl.manifest.load import load
from retrainctl.wiring import emulator
from tests.docs.doc_pages import REPO, Block, blocks, command_lines, is_plain, pages, shown_commands
from tests.support.command import Ran, environment
from tests.support.inside import Inside

PROJECT = (
    "apiVersion: retrainctl/v1\nkind: Project\nmetadata: {name: docs}\nspec: {environments: {local: {emulator: {}}}}\n"
)
_RUN = [page for page in pages() if any(block.says("run") is not None for block in blocks(page))]
_VOLATILE = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:DIGEST"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "HASH"),
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min)\b"), "DURATION"),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost):\d+"), "HOST"),
    (re.compile(r"\(process \d+\)"), "(process N)"),
    (re.compile(r"by \S+@\S+"), "by WHO"),
    # The last digits of a score are the machine's, and with them the width of their column.
    (re.compile(r" +(\d\.\d{6})\d+"), r" \1"),
)


def name_of(page: Path) -> str:
    return str(page.relative_to(REPO))


class Session:
    """A folder in which the command blocks of one page run, one after another."""

    def __init__(self, tmp_path: Path) -> None:
        self.base = tmp_path
        self.folder = tmp_path
        self.environ = {**environment(), "COLUMNS": "80"}
        self.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self.environ['PATH']}"
        self.last = Ran(0, "", "")
        self.count = 0
        self.names: dict[str, Any] = {"__name__": "docs"}
        self.replaced: list[tuple[Block, str]] = []

    def begin(self, example: str) -> None:
        """A new folder: a copy of the example project of this name, or nothing for `empty`."""
        self.count += 1
        self.folder = self.base / f"{self.count}-{example}"
        if example == "empty":
            self.folder.mkdir()
        else:
            shutil.copytree(REPO / "manifests" / example, self.folder, ignore=shutil.ignore_patterns(".retrainctl"))

    def block(self, block: Block) -> None:
        """Runs a block; every line must end with 0, the last one with what the directive says (`exit N`)."""
        example, _, code = (block.says("run") or "").partition("exit ")
        if name := example.strip(" ,"):
            self.begin(name)
        for line in block.all("before"):
            self.line(line, block.place, 0)
        if block.language == "python":
            self.python(block)
            return
        lines = list(command_lines(block))
        assert lines, f"{block.place}: nothing to run"
        out = err = ""
        for number, line in enumerate(lines, 1):
            self.line(line.text, line.place, int(code or 0) if number == len(lines) else 0)
            out, err = out + self.last.out, err + self.last.err
        self.last = Ran(self.last.code, out, err)

    def python(self, block: Block) -> None:
        """Runs code; the blocks of a page share their names."""
        out = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out):
            exec(compile(block.text, block.place, "exec"), self.names)
        self.last = Ran(0, out.getvalue(), "")

    def line(self, text: str, place: str, code: int) -> None:
        if text.startswith("cd "):
            self.folder, self.last = (self.folder / text[3:].strip()).resolve(), Ran(0, "", "")
            assert self.folder.is_dir(), f"{place}: {text}: there is no such folder"
            return
        words = shlex.split(text, comments=True)
        self.last = Inside(self.folder, self.environ)(*words[1:], code=None) if is_plain(text) else self.shell(text)
        assert self.last.code == code, f"{place}: {text}\n{self.last}"

    def shell(self, text: str) -> Ran:
        done = subprocess.run(
            ["bash", "-ec", text], cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=120
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def settled(self, text: str) -> str:
        """A text without what differs from run to run."""
        text = text.replace(f"{self.folder}/", "").replace(str(self.folder), ".")
        for pattern, word in _VOLATILE:
            text = pattern.sub(word, text)
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    def compare(self, block: Block, real: str) -> None:
        """A line `...` in the shown output stands for any lines."""
        shown, got = self.settled(block.text), self.settled(real)
        parts = re.split(r"(?m)^\s*\.\.\.\n?", shown)
        pattern = r"(?:.*\n)*?".join(re.escape(part) for part in parts)
        if re.fullmatch(rf"{pattern}\n?(?:.*\n?)*" if shown.endswith("...") else rf"{pattern}\n?", got):
            return
        if os.environ.get("RETRAINCTL_DOCS_UPDATE"):
            self.replaced.append((block, real))
        else:
            difference = "\n".join(
                difflib.unified_diff(shown.splitlines(), got.splitlines(), "shown", "real", lineterm="")
            )
            pytest.fail(f"{block.place}: the output is another one\n{difference}", pytrace=False)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path)
    yield made
    for ready in tmp_path.rglob("emulator.json"):
        emulator.stop(ready.parent)
    gc.collect()
    rewrite(made)


def rewrite(session: Session) -> None:
    """Puts real outputs into their pages, from the last block to the first, so that line numbers hold."""
    for block, real in reversed(session.replaced):
        lines = block.page.read_text(encoding="utf-8").splitlines()
        real = real.replace(f"{session.folder}/", "").replace(str(session.folder), ".")
        lines[block.line : block.line + block.text.count("\n")] = [line.rstrip() for line in real.strip().splitlines()]
        block.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("page", _RUN, ids=name_of)
def test_command_blocks_run_and_show_what_they_print(page: Path, session: Session) -> None:
    for block in blocks(page):
        if (name := block.says("file")) is not None:
            target = session.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.says("run") is not None:
            session.block(block)
        if block.says("output") is not None:
            session.compare(block, session.last.out)
        if block.says("errors") is not None:
            session.compare(block, session.last.err)


def test_the_first_pages_are_run() -> None:
    assert {REPO / "README.md", REPO / "docs/site/tutorial.md"} <= set(_RUN)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    wrong = [f"{place}: {problem}" for place, words in shown_commands(page) if (problem := _problem(words))]
    assert not wrong, "\n".join(wrong)


def _problem(words: list[str]) -> str:
    """What is wrong with a command line that is shown; placeholders for values are fine."""
    while words and words[0].startswith("-"):
        if words[0] in ("--version", "--help", "-v"):
            return ""
        return f"unknown option {words[0]} of the root"
    if not words or words[0].isupper() or words[0] == "...":
        return ""
    if words[0] not in app.COMMANDS:
        return f"there is no command {words[0]}"
    command: Any = app.load(words[0])
    path, words = words[0], words[1:]
    while (below := getattr(command, "commands", None)) is not None:
        if not words or words[0] == "--help" or words[0].isupper() or words[0] == "...":
            return ""
        if "|" in words[0]:
            unknown = [name for name in words[0].split("|") if name not in below]
            return f"there is no command {path} {unknown[0]}" if unknown else ""
        if words[0] not in below:
            return f"there is no command {path} {words[0]}"
        command, path, words = below[words[0]], f"{path} {words[0]}", words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [
        word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in {*known, "--help"}
    ]
    unknown = [word for word in unknown if not re.fullmatch(r"-v+", word)]
    return f"{path} has no option {unknown[0]}" if unknown else ""


_YAML = [(page, block) for page in pages() for block in blocks(page) if block.language in ("yaml", "yml")]


@pytest.mark.parametrize("block", [block for _, block in _YAML], ids=lambda block: block.place)
def test_yaml_loads(block: Block, tmp_path: Path) -> None:
    documents = [one for one in yaml.safe_load_all(block.text) if one is not None]
    where = block.says("fragment")
    if where is not None:
        _check_fragment(block, where, documents)
    elif documents and all(isinstance(one, dict) and "apiVersion" in one and "kind" in one for one in documents):
        _check_project(block, tmp_path)
    else:
        named = re.match(r"# \S+\.ya?ml\b", block.text)
        assert block.says("foreign") or named, (
            f"{block.place}: YAML that is no manifest. Say what it is, in a comment right above the block: "
            "`<!-- fragment: KIND.spec.MEMBER -->` or `<!-- foreign: WHAT -->`"
        )


def _check_project(block: Block, folder: Path) -> None:
    """A block with a title is one file of a project made of all such blocks of its page; another one stands alone."""
    together = [one for one in blocks(block.page) if one.title] if block.title else [block]
    for number, one in enumerate(together):
        target = folder / (one.title or f"manifests/block{number}.yaml")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(one.text, encoding="utf-8")
    project = folder / "retrainctl.yaml"
    if "kind: Project" in block.text and not block.title:
        (folder / "manifests/block0.yaml").rename(project)
        (folder / "manifests/empty.yaml").write_text("", encoding="utf-8")
    elif not project.exists():
        project.write_text(PROJECT, encoding="utf-8")
    declared = yaml.safe_load(project.read_text(encoding="utf-8"))["spec"]["environments"]
    for name in declared:
        found = load(project, name, {}, {}).diagnostics
        assert not found, f"{block.place}: {name}: {[(one.code, one.message) for one in found]}"


def _check_fragment(block: Block, where: str, documents: list[Any]) -> None:
    """Checked against the published schema of its kind, as editors do: below `where`, else as whole documents."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    from retrainctl import schemas

    known = [schemas.document(name) for name in schemas.names()]
    registry: Registry[Any] = Registry().with_resources(
        [(one["$id"], DRAFT202012.create_resource(one)) for one in known if "$id" in one]
    )
    validator = Draft202012Validator(schemas.document("manifest"), registry=registry)
    kind, *path = where.split(".")
    for document in documents:
        whole = document
        for member in reversed(path):
            whole = {member: whole}
        if kind:
            whole = {"apiVersion": "retrainctl/v1", "kind": kind, "metadata": {"name": "fragment"}, **whole}
        wrong = [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(whole)
            if error.validator != "required"
        ]
        assert not wrong, f"{block.place}: {wrong}"
