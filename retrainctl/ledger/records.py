"""The nouns of the ledger: what is handed in, and what is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import Action
from retrainctl.model.resource import Applied
from retrainctl.model.values import JsonObject
from retrainctl.ports import Outcome

FORMAT: Final = 1
"""The version of the record format; a reader refuses a higher one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """On whose behalf something runs."""

    user: str
    host: str
    run_url: str | None = None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What is known of a run when it begins.

    run: its id, unique and in order of time (`run_id`). command: `apply`, `settle`, `rollback`, `retrain` ...
    digest: of the plan that is carried out. commit: the manifests' Git commit; dirty: with uncommitted changes.
    resumes: the id of the run that this one takes up.
    """

    run: str
    environment: str
    command: str
    who: Who
    version: str
    started: datetime
    digest: str | None = None
    commit: str | None = None
    dirty: bool = False
    resumes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupItem:
    """One resource before its first write.

    definition: as `export` writes it, byte for byte. side: read-only members and whatever else `export` leaves out.
    """

    address: Address
    identity: str
    definition: bytes
    side: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRef:
    """Where a backup is: the digest of its pack and its place in it."""

    pack: str
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A resource as it was before a run touched it."""

    run: str
    address: Address
    identity: str
    definition: bytes
    side: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write that is about to be sent; `(address, step)` is unique within a run.

    fingerprint: of the live resource right before. intended: what we will have applied when it succeeds, for settling
    after a crash. backup: filled in by the run when it has one of this address. detail: whatever else settling needs.
    """

    address: Address
    step: str
    action: Action
    target: str
    identity: str
    fingerprint: str | None = None
    intended: Applied | None = None
    backup: BackupRef | None = None
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A write of which nobody knows what became: without result, or with the result `unknown`.

    key: names the intent for ever (stream and line). operation, request_id: where the service had taken the request.
    gave_up: the run itself recorded `unknown`; otherwise it ended without a word, or still runs.
    """

    key: tuple[int, int]
    run: str
    time: datetime
    intent: Intent
    sent: bool = False
    operation: str | None = None
    request_id: str | None = None
    gave_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of an unsettled write. `UNKNOWN` leaves it unsettled.

    applied: what we know to have applied now; removed: the resource is gone.
    """

    unsettled: Unsettled
    outcome: Outcome
    applied: Applied | None = None
    removed: bool = False
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in one line. writes: its intents; done and failed: those with a known end.

    finished None: the run still goes on, or died.
    """

    info: RunInfo
    finished: datetime | None
    writes: int
    done: int
    failed: int
    fence: int
    streams: tuple[int, ...]

    @property
    def unknown(self) -> int:
        """Writes of which nobody knows what became."""
        return self.writes - self.done - self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write of the past. outcome None: it never had a result (yet). settled_in: the later run that found out.

    applied: what we knew to have applied after it; removed: the resource went away.
    """

    run: str
    who: Who
    commit: str | None
    digest: str | None
    command: str
    address: Address
    step: str
    action: Action
    began: datetime
    ended: datetime | None = None
    outcome: Outcome | None = None
    applied: Applied | None = None
    removed: bool = False
    settled_in: str | None = None
    backup: BackupRef | None = None
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark that a run left: `kind` says of what sort, `address` is None for the whole run."""

    time: datetime
    kind: str
    message: str
    address: Address | None = None
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything that a run left behind. receipt None: it did not come to write one."""

    summary: RunSummary
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
    documents: Mapping[str, str]
    receipt: JsonObject | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedAt:
    """What was live of one resource at a time, as far as we wrote it: since when, by whom, from which commit."""

    applied: Applied
    since: datetime
    run: str
    who: Who
    commit: str | None
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The ledger is whole. torn: bytes of cut-off writes at the end of a stream, never acknowledged."""

    runs: int
    records: int
    packs: int
    torn: int


def run_id(now: datetime, entropy: bytes) -> str:
    """`20261102T080000Z-3f9a2c`: in order of time, unique by (at least three) random bytes."""
    return f"{now:%Y%m%dT%H%M%S}Z-{entropy.hex()[:12]}"
