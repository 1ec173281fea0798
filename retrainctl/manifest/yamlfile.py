"""YAML text to documents, strictly: the only door to `yaml`.

libyaml's parser events are read once and built into plain data (a quarter of the time of composing nodes,
`reference/components.md` section 3). Nothing is constructed by tag, keys are text, duplicate keys are errors, aliases
are bounded. After a syntax error reading goes on at the next document, so that all errors of a file are found.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import field
from typing import Any, Final

from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest.document import LINE_SHIFT, TWICE, Document
from retrainctl.manifest.scalars import Trap, plain
from retrainctl.manifest.source import REFER_INSTEAD, in_clear, secrets_in
from retrainctl.manifest.syntax import explain
from retrainctl.patterns import compiled_late, late

with compiled_late("yaml"):
    import yaml

MAX_DEPTH: Final = 64
MAX_ALIASED: Final = 20_000
"""So many keys and values may come from aliases in one document."""
MAX_ERRORS: Final = 20
"""After so many syntax errors the rest of a file is not looked at."""

_NEXT_DOCUMENT = late(r"^---(?=\s|$)", re.MULTILINE)
_LOADER = getattr(yaml, "CLoader", yaml.Loader)

_SCALAR, _ALIAS = yaml.ScalarEvent, yaml.AliasEvent
_MAPPING, _MAPPING_END = yaml.MappingStartEvent, yaml.MappingEndEvent
_LIST, _LIST_END = yaml.SequenceStartEvent, yaml.SequenceEndEvent


class _Unusable(Exception):
    """The rest of the document cannot be built."""


@dataclass(slots=True)
class _Anchored:
    value: Any
    began: int
    ended: int | None = None


def read(text: str, file: str, found: Diagnostics) -> list[Document]:
    """Every document of a YAML text that is not empty; what is wrong goes to `found`.

    A document with a syntax error is left out, the ones before and after it are read.
    """
    documents: list[Document] = []
    offset = lines = 0
    for _ in range(MAX_ERRORS):
        rest = text[offset:] if offset else text
        stopped = _read_until_error(rest, file, lines, documents, found)
        if stopped is None:
            return documents
        following = _NEXT_DOCUMENT.search(rest, max(stopped, 1))
        if following is None:
            return documents
        lines += rest.count("\n", 0, following.start())
        offset += following.start()
    return documents


def _read_until_error(text: str, file: str, lines: int, documents: list[Document], found: Diagnostics) -> int | None:
    """Reads documents until the end (None) or a syntax error (its place in `text`)."""
    parser = _LOADER(text)
    builder = _Builder(file=file, lines=lines, text=text, found=found)
    try:
        parser.get_event()  # the beginning of the stream
        while type(start := parser.get_event()) is yaml.DocumentStartEvent:
            document = builder.document(parser, start)
            if document.data is not None or document.broken:
                documents.append(document)
    except yaml.YAMLError as error:
        complaint = explain(error, text)
        span = Span(file, complaint.line + lines + 1, complaint.column + 1)
        found.error(complaint.code, complaint.message, span, complaint.hint)
        documents.append(Document(file=file, data=None, marks=builder.marks or _one(span), broken=True))
        return complaint.place
    finally:
        parser.dispose()
    return None


def _one(span: Span) -> array[int]:
    return array("Q", [(span.line - 1) << LINE_SHIFT | (span.column - 1)])


@dataclass(slots=True)
class _Builder:
    """Builds documents from events."""

    file: str
    lines: int
    text: str
    found: Diagnostics
    marks: array[int] = field(default_factory=lambda: array("Q"))
    traps: list[tuple[int, Trap, str | None]] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    templated: bool = False
    broken: bool = False
    aliased: int = 0
    may_template: bool = field(init=False)
    may_escape: bool = field(init=False)

    def __post_init__(self) -> None:
        self.may_template = "{{" in self.text
        self.may_escape = "\\" in self.text

    def document(self, parser: Any, start: Any) -> Document:
        """The document whose start event has just been read."""
        self.marks, self.traps, self.refused, self.anchors = array("Q"), [], set(), {}
        self.templated = self.broken = False
        self.aliased = 0
        data: Any = None
        try:
            data = self._build(parser)
        except _Unusable:
            self.broken = True
            if not self.marks:
                self.marks.append((start.start_mark.line + self.lines) << LINE_SHIFT | start.start_mark.column)
            while type(parser.get_event()) is not yaml.DocumentEndEvent:
                pass
        return Document(
            file=self.file,
            data=data,
            marks=self.marks,
            traps=tuple(self.traps),
            refused=frozenset(self.refused),
            templated=self.templated,
            broken=self.broken,
        )

    def _build(self, parser: Any) -> Any:
        """One loop over the events of a document: the hot path of reading, hence without calls for plain members."""
        get, marks, base = parser.get_event, self.marks, self.lines
        may_template, may_escape = self.may_template, self.may_escape
        names = self.names
        stack: list[tuple[Any, str | None, int]] = []  # container, anchor, where it began
        root: Any = None
        container: Any = None
        is_map, key = False, None
        while True:
            event = get()
            kind = type(event)
            if kind is _SCALAR:
                mark, value = event.start_mark, event.value
                at = len(marks)
                marks.append((mark.line + base) << LINE_SHIFT | mark.column)
                if event.tag is not None or event.anchor is not None or (may_escape and event.style == '"'):
                    self._unusual(event, value, at)
                if may_template and "{{" in value:
                    self.templated = True
                if is_map and key is None:
                    key = names.get(value)
                    if key is None:
                        key = self._key(event, at)
                    if key in container:
                        key = self._twice(key, container, stack[-1][2], at)
                    continue
                if not event.style:
                    value = plain(value)
                    if type(value) is Trap:
                        self.traps.append((at, value, key))
                        value = value.text
                    if event.anchor is not None:
                        self.anchors[event.anchor].value = value
            elif kind is _MAPPING or kind is _LIST:
                at = len(marks)
                mark = event.start_mark
                marks.append((mark.line + base) << LINE_SHIFT | mark.column)
                value = {} if kind is _MAPPING else []
                if is_map and key is None:
                    self._complex_key(event)
                self._open(event, value, at, len(stack))
                if stack:
                    if is_map:
                        container[key] = value
                    else:
                        container.append(value)
                else:
                    root = value
                stack.append((value, event.anchor, at))
                container, is_map, key = value, kind is _MAPPING, None
                continue
            elif kind is _MAPPING_END or kind is _LIST_END:
                anchor = stack.pop()[1]
                if anchor is not None:
                    self.anchors[anchor].ended = len(marks)
                container = stack[-1][0] if stack else None
                is_map, key = type(container) is dict, None
                continue
            elif kind is _ALIAS:
                value = self._alias(event, is_map and key is None)
            else:
                return root
            if container is None:
                root = value
            elif is_map:
                container[key] = value
                key = None
            else:
                container.append(value)

    def _span(self, event: Any) -> Span:
        mark = event.start_mark
        return Span(self.file, mark.line + self.lines + 1, mark.column + 1)

    def _key(self, event: Any, at: int) -> str:
        """A mapping's key, checked; its text in any case, so that reading can go on. Sound ones are kept and shared."""
        text: str = event.value
        if event.style:
            return text
        if text == "<<":
            self._refuse(
                event, "merge keys (<<) are not part of this language", "Write the members out, or use forEach."
            )
            return text
        value = plain(text)
        if type(value) is Trap:
            self.traps.append((at, value, None))
        elif value is not text:
            shown = text or "an empty key"
            self._refuse(event, f"a key must be text, and {shown} is not", f'Put it in quotes: "{text}".', "RC105")
        else:
            self.names[text] = text
        return text

    def _twice(self, key: str, container: dict[str, Any], began: int, at: int) -> str:
        """Reports a duplicate key; gives a name under which its value can be kept apart."""
        first = Document(file=self.file, data=container, marks=self.marks[began:]).span([key])
        here = Document(file=self.file, data=None, marks=self.marks[at:]).start
        self.found.error(
            "RC104",
            f'the key "{key}" stands twice in one mapping; it was first given in line {first.line}',
            here,
            "Keep one of the two.",
        )
        self.broken = True
        return f"{key}{TWICE}{at}"

    def _unusual(self, event: Any, value: str, at: int) -> None:
        """Tags, anchors, and what escapes can hide: rare, hence apart from the loop."""
        if event.tag is not None:
            self._tag(event)
        if "\x00" in value:
            self._refuse(event, "text must not hold the NUL character", "Remove the escape \\0.", "RC102")
            raise _Unusable
        if self.may_escape and (secrets := secrets_in(value)):
            line = event.start_mark.line + self.lines + 1
            if not any(told.code == "RC120" and told.span and told.span.line == line for told in self.found):
                self._refuse(event, in_clear(secrets[0][0]), REFER_INSTEAD, "RC120")
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, at, at + 1)

    def _open(self, event: Any, value: Any, at: int, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels inside each other", "Flatten the document.", "RC103")
            raise _Unusable
        if event.tag is not None:
            self._tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, at)

    def _alias(self, event: Any, is_key: bool) -> Any:
        """The value of an alias; the places of its parts are those of the anchor."""
        name = event.anchor
        anchored = self.anchors.get(name)
        if anchored is None:
            self._refuse(
                event, f"there is no anchor &{name} before this alias", "Name an anchor that stands further up."
            )
            raise _Unusable
        if anchored.ended is None:
            self._refuse(event, f"the alias *{name} stands inside its own anchor", "Write the value out.")
            raise _Unusable
        if is_key:
            self._refuse(event, "an alias cannot be a key", "Write the key out.")
            raise _Unusable
        self.aliased += anchored.ended - anchored.began
        if self.aliased > MAX_ALIASED:
            self._refuse(
                event,
                f"aliases expand to more than {MAX_ALIASED} values",
                "Write the values out, or use forEach.",
                "RC103",
            )
            raise _Unusable
        self.marks.extend(self.marks[anchored.began : anchored.ended])
        return anchored.value

    def _complex_key(self, event: Any) -> None:
        """A mapping or list as a key; most often an expression without quotes."""
        mark = event.start_mark
        braces = self.text[max(mark.index - 1, 0) : mark.index + 1] == "{{"
        if braces:
            self._refuse(event, "an expression must stand in quotes", 'Write "{{ ... }}" with quotes around it.')
        else:
            self._refuse(event, "a key must be text, not a mapping or list", "Use a plain name as key.")
        raise _Unusable

    def _tag(self, event: Any) -> None:
        self._refuse(event, f"tags ({event.tag}) are not part of this language", "Remove the tag; quotes make text.")

    def _refuse(self, event: Any, message: str, hint: str, code: str = "RC106") -> None:
        self.found.error(code, message, self._span(event), hint)
        self.refused.add(len(self.marks) - 1)
        self.broken = True
