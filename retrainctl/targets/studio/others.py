"""What else a workspace holds: annotations, projects, notebooks, gateways (classic-api.md sections 6, 6.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from retrainctl.model.change import Request
from retrainctl.model.redaction import without_query
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Unavailable
from retrainctl.targets.studio.cleaning import cleaned
from retrainctl.targets.studio.client import StudioClient

_URIS: Final = ("AuthenticationUri", "SessionUri", "OriginUri")


def list_annotations(studio: StudioClient, experiment: str) -> list[JsonObject]:
    """The comments on an experiment's canvas. experiment: its id. Raises `TargetError`."""
    url = studio.url("experiments", experiment, "annotations")
    return [cleaned(one) for one in studio.items(url, f'list the annotations of experiment "{experiment}"')]


def list_projects(studio: StudioClient) -> list[JsonObject]:
    """Each `{ContainerId, Name, Description, Creator, Contents: {type: [ids]}}`. Raises `TargetError`."""
    return [cleaned(one) for one in studio.items(studio.url("projectcontainers"), "list projects")]


def list_notebooks(studio: StudioClient) -> list[JsonObject]:
    """Each `{FamilyId, Name, Author, Language, Modified, Created, Tags}`. Raises `TargetError`."""
    return [cleaned(one) for one in studio.items(studio.url("notebooks"), "list notebooks")]


def list_attachments(studio: StudioClient, family: str) -> list[str]:
    """The names of a notebook's attached files. family: its family id. Raises `TargetError`."""
    what = f'list the attachments of notebook "{family}"'
    with _of_a_notebook():
        found = studio.read(studio.url("notebooks", "family", family, "attachments"), what)
    names = [] if found is None else found
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unavailable(f"cannot {what}: the answer is not a list of names", code="RC321")
    return names


def open_session(studio: StudioClient, family: str) -> JsonObject:
    """Has the service start a notebook's session, and gives where it is: with whatever opens it. Raises `TargetError`.

    Sent once: a second one would start a second session.
    """
    url = studio.url("notebooks", "family", family, "session")
    what = f'open a session of notebook "{family}"'
    with _of_a_notebook():
        return studio.send(Request(method="POST", path=url), what).object()


def without_keys(session: JsonObject) -> JsonObject:
    """A session whose addresses open nothing any more: no query, no fragment, no user name."""
    return {name: _bare(item) if name in _URIS else item for name, item in cleaned(session).items()}


def list_gateways(studio: StudioClient) -> list[JsonObject]:
    """The data gateways, without their registration keys. Raises `TargetError`."""
    return [cleaned(one) for one in studio.items(studio.url("gateways"), "list gateways")]


@contextmanager
def _of_a_notebook() -> Iterator[None]:
    """Says where family ids stand, when the service knows none like it."""
    try:
        yield
    except NotFound as error:
        error.hint = "`retrainctl notebook list` shows the family ids."
        raise


def _bare(uri: Any) -> Any:
    if not isinstance(uri, str):
        return uri
    scheme, found, rest = without_query(uri).partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if found else scheme
