"""The section `blobs` of a seed: files, and recipes that are carried out on first use."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from typing import Any, Final

from retrainctl.emulator.blob.address import BlobAddress, join, parse_uri
from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.frame import Loaded, SeedSource
from retrainctl.emulator.seed import fields
from retrainctl.emulator.training import recipe as recipes

_FIELDS: Final = ("path", "file", "generate", "forEach", "public", "metadata")
_MOST: Final = 100_000
_SHOWN: Final = 10


class Seeding:
    """Loads blobs; one that is there already stays as it is."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def blobs(self, items: list[Any], source: SeedSource) -> Loaded:
        """Each `{path, file | generate, forEach?, public?, metadata?}`.

        `path` is `ACCOUNT/CONTAINER/BLOB` or the blob's https URI. With `forEach: {range: ["001", "1010"]}` (inclusive,
        as wide as the first) `{item}` stands for the number in `path` and in `generate`. `public` is `blob` or
        `container`: what anybody may read, for a container that the seed creates.
        """
        new: list[str] = []
        present: list[str] = []
        for index, item in enumerate(items):
            place = ("blobs", index)
            entry = fields(item, _FIELDS, ("path",), source, *place)
            if ("file" in entry) == ("generate" in entry):
                raise source.error("a blob has either a file or a generate", *place)
            made, there = self._entry(entry, source, place)
            (new if made else present).append(entry["path"] + (f" ({made or there})" if "forEach" in entry else ""))
        return Loaded(new=tuple(new), present=tuple(present))

    def _entry(self, entry: dict[str, Any], source: SeedSource, place: tuple[str | int, ...]) -> tuple[int, int]:
        """How many blobs are new, and how many were there."""
        made = there = 0
        for word in _words(entry.get("forEach"), source, place):
            address = _address(_filled(entry["path"], word), source, place)
            if self._shelf.blob(address.account, address.container, address.name) is not None:
                there += 1
                continue
            if self._shelf.container(address.account, address.container) is None:
                public = entry.get("public") or ""
                if public not in ("", "blob", "container"):
                    raise source.error("public is blob or container", *place, "public")
                self._shelf.put_container(address.account, address.container, public)
            self._put(address, entry, word, source, place)
            made += 1
        return made, there

    def _put(
        self, address: BlobAddress, entry: dict[str, Any], word: str, source: SeedSource, place: tuple[str | int, ...]
    ) -> None:
        metadata = {str(name): str(value) for name, value in (entry.get("metadata") or {}).items()}
        if "file" in entry:
            content = self._shelf.contents.adopt(self._copied(str(entry["file"]), source, place))
            media = "text/csv" if address.name.endswith(".csv") else "application/octet-stream"
        else:
            recipe = _filled(entry["generate"], word)
            try:
                recipes.check(recipe)
            except recipes.BadRecipe as error:
                raise source.error(str(error), *place, "generate") from error
            content, media = self._shelf.contents.promise(recipe), recipes.media(recipe)
            if recipes.makes_model(recipe):
                metadata.setdefault("retrainctl-format", "onnx")
        self._shelf.put(
            address.account, address.container, address.name, [("", content)], {"content-type": media}, metadata
        )

    def _copied(self, name: str, source: SeedSource, place: tuple[str | int, ...]) -> Draft:
        path = source.path(name, *place, "file")
        target = self._shelf.contents.new_draft()
        try:
            shutil.copyfile(path, target)
            with target.open("rb") as file:
                md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        except OSError as error:
            raise source.error(f"{path.name} cannot be read: {error.strerror}", *place, "file") from error
        return Draft(path=target, size=target.stat().st_size, md5=md5)


def _words(each: Any, source: SeedSource, place: tuple[str | int, ...]) -> Iterator[str]:
    if each is None:
        yield ""
        return
    bounds = each.get("range") if isinstance(each, dict) else None
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(str(bound).isdigit() for bound in bounds):
        raise source.error('forEach is {range: ["001", "1010"]}', *place, "forEach")
    first, last, width = int(bounds[0]), int(bounds[1]), len(str(bounds[0]))
    if not first <= last or last - first >= _MOST:
        raise source.error(f"a range goes from low to high, over {_MOST} numbers at most", *place, "forEach")
    for number in range(first, last + 1):
        yield f"{number:0{width}d}"


def _filled(value: Any, word: str) -> Any:
    """`{item}` replaced in every text of a value."""
    if isinstance(value, str):
        return value.replace("{item}", word)
    if isinstance(value, dict):
        return {name: _filled(item, word) for name, item in value.items()}
    return value


def _address(path: Any, source: SeedSource, place: tuple[str | int, ...]) -> BlobAddress:
    text = str(path)
    account, _, rest = text.partition("/")
    address = parse_uri(text) if "://" in text else join(account, rest)
    if address is None:
        raise source.error(
            f"{text} is no blob", *place, "path", hint="write ACCOUNT/CONTAINER/BLOB, or the blob's https URI"
        )
    return address
