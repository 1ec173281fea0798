"""Loading seeds: one definition file, or a folder with `seed.yaml` whose sections the rooms take.

Only what is not there yet is loaded: seeding twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput

if TYPE_CHECKING:
    from yaml.nodes import Node

    from retrainctl.emulator.frame import Frame

_DEPTH = 4
Place = tuple[str | int, ...]


class SeedInvalid(InvalidInput):
    """The seed cannot be loaded; nothing of it was."""

    default_code = "RC807"


def load_seed(frame: Frame, path: Path) -> dict[str, Any]:
    """Load one seed completely or not at all.

    Args:
        path: a definition JSON, or a folder with `seed.yaml`.

    Returns:
        `{"path": ..., "new": {section: [names]}, "present": {section: [names]}}`.

    Raises:
        SeedInvalid: with the position of what is wrong.
    """
    if path.is_dir():
        source: FolderSeed | FileSeed
        source, sections = _folder(path)
    elif path.exists():
        source, sections = FileSeed(path), {"webServices": [{"definition": str(path)}]}
    else:
        raise _invalid(
            f"there is no seed {path}", Span(str(path), 1, 1), "name a definition JSON or a folder with seed.yaml"
        )
    new: dict[str, list[str]] = {}
    present: dict[str, list[str]] = {}
    for name in sections:
        if name not in frame.sections:
            near = get_close_matches(name, frame.sections, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(frame.sections))}"
            raise source.error(f"there is no section {name}", name, hint=hint)
    with frame.store.transaction():
        for name, section in frame.sections.items():  # in the rooms' order: what others refer to comes first
            if name in sections:
                if not isinstance(sections[name], list):
                    raise source.error(f"{name} must be a list", name)
                loaded = section(sections[name], source)
                new[name], present[name] = list(loaded.new), list(loaded.present)
    return {"path": str(path), "new": new, "present": present}


class FileSeed:
    """A lone definition: the only file it may name is itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def path(self, text: str, *place: str | int) -> Path:
        del text, place
        return self._path

    def error(self, message: str, *place: str | int, hint: str | None = None) -> SeedInvalid:
        del place
        return _invalid(message, Span(str(self._path), 1, 1), hint)


class FolderSeed:
    """A folder with `seed.yaml`; knows the line of every item."""

    def __init__(self, folder: Path, spans: dict[Place, Span]) -> None:
        self._folder = folder
        self._spans = spans

    def path(self, text: str, *place: str | int) -> Path:
        root = self._folder.resolve()
        found = (root / text).resolve()
        if not found.is_relative_to(root):
            raise self.error(f"{text} lies outside the seed folder", *place, hint="move the file into the folder")
        if not found.is_file():
            raise self.error(f"there is no file {text}", *place, hint=f"paths are relative to {self._folder}")
        return found

    def error(self, message: str, *place: str | int, hint: str | None = None) -> SeedInvalid:
        """At the deepest known position along `place`."""
        for depth in range(len(place), -1, -1):
            if (span := self._spans.get(place[:depth])) is not None:
                return _invalid(message, span, hint)
        return _invalid(message, Span(str(self._folder / "seed.yaml"), 1, 1), hint)


def fields(item: Any, known: Iterable[str], required: Iterable[str], source: Any, *place: str | int) -> dict[str, Any]:
    """The item as a mapping of known names; unknown and missing ones are errors with a position."""
    if not isinstance(item, dict):
        raise source.error("an item must be a mapping", *place)
    names = list(known)
    for name in item:
        if name not in names:
            near = get_close_matches(str(name), names, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(names)}"
            raise source.error(f"there is no member {name} here", *place, str(name), hint=hint)
    for name in required:
        if item.get(name) in (None, ""):
            raise source.error(f"the member {name} is missing", *place)
    return item


def _folder(folder: Path) -> tuple[FolderSeed, dict[str, Any]]:
    import yaml

    file = folder / "seed.yaml"
    if not file.is_file():
        raise _invalid(
            f"{folder} has no seed.yaml", Span(str(file), 1, 1), "name a definition JSON or a folder with seed.yaml"
        )
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    spans: dict[Place, Span] = {}
    try:
        text = file.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=loader)
        value = None if root is None else yaml.constructor.SafeConstructor().construct_document(root)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        span = Span(str(file), mark.line + 1, mark.column + 1) if mark else Span(str(file), 1, 1)
        raise _invalid(f"seed.yaml cannot be read: {getattr(error, 'problem', None) or error}", span, None) from error
    if root is not None:
        _note_spans(root, (), str(file), spans)
    source = FolderSeed(folder, spans)
    if not isinstance(value, dict):
        raise source.error("seed.yaml must be a mapping of sections to lists")
    return source, {str(name): items for name, items in value.items()}


def _note_spans(node: Node, place: Place, file: str, spans: dict[Place, Span]) -> None:
    """Positions down to the members of an item; what lies deeper (an inline definition) is named by its item."""
    from yaml.nodes import MappingNode, SequenceNode

    spans[place] = Span(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if len(place) > _DEPTH:
        return
    if isinstance(node, MappingNode):
        for key, child in node.value:
            _note_spans(child, (*place, str(key.value)), file, spans)
            spans[(*place, str(key.value))] = Span(file, key.start_mark.line + 1, key.start_mark.column + 1)
    elif isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            _note_spans(child, (*place, index), file, spans)


def _invalid(message: str, span: Span, hint: str | None) -> SeedInvalid:
    finding = Diagnostic(code="RC807", message=message, span=span, hint=hint)
    error = SeedInvalid([finding], f"{span}: {message}")
    error.hint = hint
    return error
