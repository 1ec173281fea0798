"""Custom modules for single commands: their zip is looked at before it is sent."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import BinaryIO, Final
from xml.etree import ElementTree

from retrainctl.errors import RetrainctlError
from retrainctl.model.values import JsonObject
from retrainctl.ports import Conflict, Observer, Progress, Waiter
from retrainctl.targets.studio import assets, modules
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.uploads import Parcel

_MOST: Final = 1024 * 1024
"""Bytes of one definition; no real one is near it, and an archive can claim anything."""


def module_names(stream: BinaryIO, file_name: str) -> list[str]:
    """The names of the modules that a zip defines, in the order of its files; the stream is at its start again.

    Raises `RetrainctlError` (RC962): it is no zip, or defines no module.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            inside = [info for info in archive.infolist() if info.filename.lower().endswith(".xml")]
            top = sorted((info for info in inside if "/" not in info.filename), key=lambda info: info.filename)
            if not top:
                where = f'; "{inside[0].filename}" lies in a folder' if inside else ""
                raise _unfit(file_name, f"it has no module definition (.xml) at its top{where}")
            found = [_name_in(archive, info, file_name) for info in top]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _unfit(file_name, "it is not a zip that can be read") from error
    stream.seek(0)
    return found


def check_names(names: Sequence[str], listed: Sequence[JsonObject], *, update: bool) -> None:
    """Whether the modules are new, or with `update` there already; names count without regard to case.

    Raises:
        Conflict: RC955: one that is to be created is there.
        RetrainctlError: RC956: one that is to be updated is not.
    """
    for name in names:
        found = assets.find(listed, name, assets.MODULE)
        if found is not None and not update:
            raise Conflict(
                f'custom module "{assets.name_of(found)}" is there already; it was not touched',
                code="RC955",
                hint="Make a new version of it with `retrainctl module update`, or name it otherwise in its .xml.",
                sent=False,
            )
        if found is None and update:
            known = ", ".join(f'"{assets.name_of(one)}"' for one in listed) or "none"
            raise RetrainctlError(
                f'the workspace has no custom module "{name}"',
                code="RC956",
                hint=f"Make it with `retrainctl module create`. There are: {known}.",
            )


def build(studio: StudioClient, parcel: Parcel, waiter: Waiter, observer: Observer) -> str:
    """Has a custom module made of a zip; gives its id. Raises as `modules.create`."""

    def told(number: int) -> None:
        observer.progress(Progress(task=f"upload {parcel.file_name}, blocks", done=number, total=parcel.blocks))

    return modules.create(studio, parcel, waiter, told)


def _name_in(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file_name: str) -> str:
    with archive.open(info) as file:
        text = file.read(_MOST + 1)
    if len(text) > _MOST:
        raise _unfit(file_name, f'"{info.filename}" is too large for a definition')
    parser = ElementTree.XMLParser(target=_NoTypes())  # noqa: S314 - see _NoTypes
    try:
        parser.feed(text)
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _unfit(file_name, f'"{info.filename}" cannot be read as XML: {error}') from error
    name = (root.get("name") or "").strip()
    if root.tag != "Module" or not name:
        raise _unfit(file_name, f'"{info.filename}" is no <Module name="...">')
    return name


class _NoTypes(ElementTree.TreeBuilder):
    """Takes no document type: entities could grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("a document type is not allowed")


def _unfit(file_name: str, why: str) -> RetrainctlError:
    return RetrainctlError(
        f"{file_name} is no custom module: {why}; nothing was sent",
        code="RC962",
        hint="Zip the definition (.xml) and its script, without a folder around them.",
    )
