"""Annotations, projects, notebooks and gateways: lists that a seed fills (classic-api.md sections 6 and 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

import orjson

from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route
from retrainctl.emulator.store import Store
from retrainctl.emulator.studio.dialect import StudioDialect, missing
from retrainctl.emulator.studio.experiments import found
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.workspace import BASE

DDL: Final = """
CREATE TABLE IF NOT EXISTS studio_document(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, body BLOB NOT NULL,
  UNIQUE(kind, id));
CREATE INDEX IF NOT EXISTS studio_document_owner ON studio_document(kind, owner);
"""

_HOST: Final = "https://notebooks.azureml.net"
"""Where sessions would be; nothing is served there (guess)."""


class Documents:
    """Documents by kind, in the order of their seeding; callers hold the transaction.

    Kinds: `annotation` (owner: its experiment), `project`, `notebook`, `attachment` (owner: its notebook's family),
    `gateway`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, kind: str, owner: str = "") -> list[Any]:
        rows = self._store.rows("SELECT body FROM studio_document WHERE kind=? AND owner=? ORDER BY seq", kind, owner)
        return [orjson.loads(row[0]) for row in rows]

    def has(self, kind: str, identifier: str) -> bool:
        return self._store.row("SELECT 1 FROM studio_document WHERE kind=? AND id=?", kind, identifier) is not None

    def put(self, kind: str, identifier: str, body: Any, owner: str = "") -> None:
        """Add a document; one that is there stays."""
        self._store.run(
            "INSERT OR IGNORE INTO studio_document(kind, id, owner, body) VALUES(?,?,?,?)",
            kind,
            identifier,
            owner,
            orjson.dumps(body),
        )

    def counts(self) -> dict[str, int]:
        """Kind to the number of documents."""
        rows = self._store.rows("SELECT kind, count(*) FROM studio_document GROUP BY kind")
        return {str(kind): int(count) for kind, count in rows}


class Others:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, documents: Documents) -> None:
        self._frame = frame
        self._records = records
        self._documents = documents

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        family = BASE + "/notebooks/family/{family}"
        for method, pattern, handler in (
            ("GET", BASE + "/experiments/{experiment}/annotations", self._annotations),
            ("GET", BASE + "/projectcontainers", self._projects),
            ("GET", BASE + "/notebooks", self._notebooks),
            ("GET", family + "/attachments", self._attachments),
            ("POST", family + "/session", self._session),
            ("GET", BASE + "/gateways", self._gateways),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _annotations(self, call: Call) -> Answer:
        return Answer(body=self._documents.of("annotation", found(self._records, call)["ExperimentId"]))

    def _projects(self, call: Call) -> Answer:
        del call
        return Answer(body=self._documents.of("project"))

    def _notebooks(self, call: Call) -> Answer:
        del call
        return Answer(body=self._documents.of("notebook"))

    def _attachments(self, call: Call) -> Answer:
        """Names alone: the known cmdlet is called Get-AmlNotebookAttachmentName; the form is a guess."""
        return Answer(body=self._documents.of("attachment", self._family(call)))

    def _session(self, call: Call) -> Answer:
        """Addresses of a session, the first with what opens it; their paths are guesses, and nothing answers there."""
        family, session = self._family(call), uuid4().hex
        body = {
            "AuthenticationUri": f"{_HOST}/session/{session}/login?token={uuid4().hex}",
            "SessionUri": f"{_HOST}/session/{session}/notebooks/{family}",
            "OriginUri": _HOST,
        }
        return Answer(body=body, wrote=True)

    def _gateways(self, call: Call) -> Answer:
        del call
        return Answer(body=self._documents.of("gateway"))

    def _family(self, call: Call) -> str:
        family = call.params["family"]
        if not self._documents.has("notebook", family.lower()):
            raise missing("notebook family", family)
        return family.lower()
