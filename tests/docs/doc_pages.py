"""The pages of the documentation as blocks with their directives (docs/contributing.md says what they mean)."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,})(?P<language>[\w-]*)\s*(?P<rest>.*)$")
_DIRECTIVE = re.compile(r"^<!--\s*(?P<name>run|before|output|errors|file|fragment|foreign)\b:?\s*(?P<value>.*?)\s*-->$")
_TITLE = re.compile(r'title="([^"]+)"')
_CODE_SPAN = re.compile(r"`+([^`]+)`+")
_OPERATORS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1"}
_PREFIX = re.compile(r"^(?:\w+=.*|exec|!)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block.

    language: the word after the fence, or nothing. directives: those right above it, in order.
    line: of the fence, from 1 on.
    """

    page: Path
    line: int
    language: str
    title: str
    text: str
    directives: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(REPO)}:{self.line}"

    def says(self, name: str) -> str | None:
        """The value of a directive; None when it is not there."""
        return next((value for key, value in self.directives if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.directives if key == name]


def pages() -> list[Path]:
    """README and every page below docs/."""
    return [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]


@lru_cache(maxsize=256)
def blocks(page: Path) -> tuple[Block, ...]:
    return tuple(_blocks(page, page.read_text(encoding="utf-8").splitlines()))


def prose(page: Path) -> str:
    """A page without its fenced blocks and comments; lines keep their numbers."""
    kept = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        for index in range(block.line - 1, block.line + 1 + block.text.count("\n")):
            kept[index] = ""
    return "\n".join(kept)


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    directives: list[tuple[str, str]] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if said := _DIRECTIVE.match(line.strip()):
            directives.append((said["name"], said["value"]))
        elif fence := _FENCE.match(line):
            begun = index
            while index < len(lines) and lines[index].strip() != fence["ticks"]:
                index += 1
            assert index < len(lines), f"{page.relative_to(REPO)}:{begun}: the block has no end"
            text = textwrap.dedent("".join(f"{one}\n" for one in lines[begun:index]))
            index += 1
            title = _TITLE.search(fence["rest"])
            yield Block(
                page=page,
                line=begun,
                language=fence["language"],
                title=title[1] if title else "",
                text=text,
                directives=tuple(directives),
            )
            directives = []
        elif line.strip():
            assert not directives, f"{page.relative_to(REPO)}:{index}: a directive above something that is no block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One command line as shown: its place and its text, continuation lines joined."""

    place: str
    text: str


def command_lines(block: Block) -> Iterator[Line]:
    """The commands of a block: comments and prompts away, lines that end in a backslash joined."""
    joined, begun = "", 0
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        begun = begun or number
        joined += line.removesuffix("\\") if line.endswith("\\") else line
        if line.endswith("\\"):
            continue
        text = joined.strip().removeprefix("$ ")
        if text and not text.startswith("#"):
            yield Line(place=f"{block.page.relative_to(REPO)}:{begun}", text=text)
        joined, begun = "", 0


def shown_commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Every `retrainctl ...` that a page shows, wherever: its place and its arguments."""
    for block in blocks(page):
        if block.language in ("", "sh", "bash", "console", "text"):
            for line in command_lines(block):
                for arguments in _calls(line.text):
                    yield line.place, arguments
    for number, text in enumerate(prose(page).splitlines(), 1):
        spans = [text.strip()] if text.startswith("    ") else _CODE_SPAN.findall(text)
        for span in spans:
            for arguments in _calls(span):
                yield f"{page.relative_to(REPO)}:{number}", arguments


def _calls(text: str) -> Iterator[list[str]]:
    """The calls of retrainctl in one shell line. A line that is no shell, such as a sentence, has none."""
    if "retrainctl " not in text:
        return
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    for call in _split(words):
        while call and _PREFIX.match(call[0]):
            del call[0]
        if call and call[0].rsplit("/", 1)[-1] == "retrainctl":
            yield call[1:]


def _split(words: Sequence[str]) -> Iterator[list[str]]:
    call: list[str] = []
    redirected = False
    for word in words:
        if word in _OPERATORS:
            if word in (">", ">>", "<", "2>"):
                redirected = True
                continue
            yield call
            call, redirected = [], False
        elif not redirected:
            call.append(word)
    yield call


def is_plain(text: str) -> bool:
    """Whether a command line needs no shell: one call of retrainctl, no operator, no variable, no pattern."""
    return text.startswith("retrainctl ") and not re.search(r"[|&;<>$`~]|(?<!')\*(?!')", text)
