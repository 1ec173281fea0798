"""Which file holds which resource of Azure Resource Manager.

A definition's service is its member `name` or `id`, else the file's stem, else the only declared one (DESIGN.md
section 5). In a folder that we wrote the file's name is enough, so that nothing is opened that nobody wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from retrainctl.definition.document import name_of, read_either
from retrainctl.definition.file import load_bytes
from retrainctl.definition.parsing import invalid
from retrainctl.diagnostics import Span
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.targets.arm import ids
from retrainctl.targets.snapshot.folder import APPLIED, HEAD, folders, json_files
from retrainctl.targets.snapshot.names import encode
from retrainctl.targets.snapshot.write import PLANS

SERVICE: Final = "WebService"
PLAN: Final = "CommitmentPlan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one wanted resource is: kind, resource group, name."""

    kind: str
    group: str
    name: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What places are compared by: ARM names have no case."""
        return (self.kind, self.group.casefold(), self.name.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file and what is known of its content.

    group, name: as the file's place or its content says; None when neither says.
    """

    path: Path
    shown: str
    kind: str
    group: str | None
    name: str | None


class FolderFiles:
    """The `arm/` folder of a snapshot: `arm/RG/NAME.json`, plans in `arm/RG/commitmentPlans/NAME.json`."""

    def __init__(self, root: Path, shown: str, *, encoded: bool) -> None:
        self._root = root / "arm"
        self._shown = f"{shown}/arm"
        self._encoded = encoded
        self._by_place: dict[tuple[str, str, str], Entry] = {}
        self._by_file: dict[tuple[str, str], Entry] = {}
        for entry, group, stem in self._scan():
            self._by_file[(entry.kind, f"{group}/{stem}".casefold())] = entry
            if entry.group is not None and entry.name is not None:
                self._add(entry)

    def assign(self, wanted: Iterable[Place]) -> dict[Place, Entry]:
        """The file of each wanted resource, as far as file names tell."""
        return {place: entry for place in wanted if (entry := self._named(place)) is not None}

    def search(self, missing: Iterable[Place], taken: set[Path]) -> dict[Place, Entry]:
        """Looks into the files that are not taken: in files named by hand, the content has the last word.

        Raises:
            InvalidInput: two files hold one resource.
        """
        if self._encoded:
            return {}
        inside = _by_content(entry for entry in self._by_file.values() if entry.path not in taken)
        return {place: inside[place.key] for place in missing if place.key in inside}

    def find(self, place: Place) -> Entry | None:
        """The file of one resource."""
        return self._named(place) or self.search([place], set()).get(place)

    def holds(self, entry: Entry, place: Place, document: Mapping[str, Any]) -> bool:
        """Whether the file is about the resource that its name says. In a folder that we wrote it must be."""
        said = name_of(document)
        if said is None or said.casefold() == place.name.casefold():
            return True
        if self._encoded:
            raise invalid(
                "RC223",
                f"the file holds {said!r}, not {place.name!r} as its name says",
                span=Span(entry.shown, 1, 1),
                hint="take the snapshot again with `retrainctl snapshot pull`",
            )
        return False

    def entries(self) -> Iterator[Entry]:
        """Every file, by resource group and file name."""
        return iter(self._by_file.values())

    def _named(self, place: Place) -> Entry | None:
        if (found := self._by_place.get(place.key)) is not None:
            return found
        file = f"{encode(place.group)}/{encode(place.name)}".casefold()
        return self._by_file.get((place.kind, file))

    def _scan(self) -> Iterator[tuple[Entry, str, str]]:
        for folder, group in folders(self._root, self._shown):
            for kind, inner in ((SERVICE, folder), (PLAN, folder / PLANS)):
                shown = f"{self._shown}/{folder.name}" + ("" if inner is folder else f"/{PLANS}")
                for path, name in json_files(inner, shown):
                    entry = Entry(path=path, shown=f"{shown}/{path.name}", kind=kind, group=group, name=name)
                    yield entry, folder.name, path.name.removesuffix(".json")

    def _add(self, entry: Entry) -> None:
        key = (entry.kind, str(entry.group).casefold(), str(entry.name).casefold())
        if (other := self._by_place.setdefault(key, entry)) is not entry:
            raise twice(other, entry)


class LooseFiles:
    """A definition JSON, or a folder that holds nothing but some: each file says what it is, or its name does."""

    def __init__(self, entries: Iterable[Entry], default_group: str) -> None:
        self._entries = tuple(entries)
        self._default_group = default_group

    def assign(self, wanted: Iterable[Place]) -> dict[Place, Entry]:
        """The file of each wanted resource that has one.

        Raises:
            InvalidInput: two files hold one resource, or one file may be any of several.
        """
        places = list(wanted)
        found: dict[Place, Entry] = {}
        for entry in self._entries:
            place = _choose(entry, places, self._default_group, alone=len(self._entries) == 1)
            if place is None:
                continue
            if (other := found.setdefault(place, entry)) is not entry:
                raise twice(other, entry)
        return found

    def find(self, place: Place) -> Entry | None:
        """The file of one resource, by what the file or its name says."""
        fits = (e for e in self._entries if _choose(e, [place], self._default_group, alone=False) is not None)
        return next(fits, None)

    def search(self, missing: Iterable[Place], taken: set[Path]) -> dict[Place, Entry]:
        """Nothing more: the content of every file is known already."""
        return {}

    def holds(self, entry: Entry, place: Place, document: Mapping[str, Any]) -> bool:
        """It does: the file was chosen by its content."""
        return True

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries)


def loose_folder(root: Path, shown: str) -> tuple[Entry, ...]:
    """The definitions that lie in a folder; other JSON files are passed over.

    Raises:
        InvalidInput: a file is not JSON, or is a definition with mistakes.
    """
    found: list[Entry] = []
    bad: list[InvalidInput] = []
    for path, _ in json_files(root, shown):
        if path.name in (HEAD, APPLIED):
            continue
        file = f"{shown}/{path.name}"
        try:
            found.append(entry_of(path, file, load_bytes(path, shown=file))[0])
        except InvalidInput as error:
            if not all(finding.code in ("RC205", "RC209") for finding in error.diagnostics):
                bad.append(error)
    if bad:
        raise InvalidInput([finding for error in bad for finding in error.diagnostics])
    return tuple(found)


def entry_of(path: Path, shown: str, data: bytes) -> tuple[Entry, dict[str, Any]]:
    """A file and its document, known from its content; raises `InvalidInput` when it is neither service nor plan."""
    plan, document = read_either(data, file=shown)
    group = None
    if isinstance(identity := document.get("id"), str):
        try:
            group = ids.parse(identity).resource_group
        except InvalidInput:
            group = None
    kind = PLAN if plan else SERVICE
    return Entry(path=path, shown=shown, kind=kind, group=group, name=name_of(document)), document


def twice(one: Entry, other: Entry) -> InvalidInput:
    """Two files for one resource."""
    return invalid(
        "RC223",
        f"this and {one.shown} hold the same resource",
        span=Span(other.shown, 1, 1),
        hint="remove one of the two",
    )


def _by_content(entries: Iterable[Entry]) -> dict[tuple[str, str, str], Entry]:
    found: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        inside = entry_of(entry.path, entry.shown, load_bytes(entry.path, shown=entry.shown))[0]
        if inside.name is None:
            continue
        key = (inside.kind, str(inside.group or entry.group).casefold(), inside.name.casefold())
        if (other := found.setdefault(key, entry)) is not entry:
            raise twice(other, entry)
    return found


def _choose(entry: Entry, places: list[Place], default_group: str, *, alone: bool) -> Place | None:
    """The wanted resource that a file holds."""
    same_kind = [place for place in places if place.kind == entry.kind]
    name = entry.name if entry.name is not None else entry.path.name.removesuffix(".json")
    fits = [place for place in same_kind if place.name.casefold() == name.casefold()]
    if entry.group is not None:
        fits = [place for place in fits if place.group.casefold() == entry.group.casefold()]
    elif len(fits) > 1:
        fits = [place for place in fits if place.group.casefold() == default_group.casefold()] or fits
    if len(fits) > 1:
        groups = ", ".join(sorted(place.group for place in fits))
        raise invalid(
            "RC222",
            f"the file may be the service {name!r} of any of these resource groups: {groups}",
            span=Span(entry.shown, 1, 1),
            hint="add the service's `id` to the file, or name a snapshot folder",
        )
    if fits:
        return fits[0]
    return same_kind[0] if entry.name is None and alone and len(same_kind) == 1 else None
