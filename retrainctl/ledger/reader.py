"""Reads a store: what it adds up to, as quickly as can be told for certain, and its records one by one."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import orjson

from retrainctl.ledger import chain, index, pack
from retrainctl.ledger.errors import LedgerCorrupt, LedgerError
from retrainctl.ledger.knowledge import Head, Knowledge
from retrainctl.ledger.records import FORMAT, Verified
from retrainctl.ports import LedgerStore, StreamInfo

FIRST_OF_STREAM: Final = (b'"type":"run"', b'"type":"continued"')
"""Marks in the first line of every stream."""


class LedgerReader:
    """Thread-safe. Starts from the index where there is one that still fits, and reads only what came after it."""

    def __init__(self, store: LedgerStore, environment: str) -> None:
        self._store = store
        self._environment = environment
        self._lock = threading.RLock()
        self._known: Knowledge | None = None
        self.index_is_old = False

    def know(self) -> Knowledge:
        """Everything up to now; not to be changed by the caller. Raises `LedgerCorrupt`."""
        with self._lock:
            infos = self._store.streams()
            known, self._known = self._known or self._indexed(), None
            self._check_complete(infos, known)
            for info in infos:
                head = known.heads.get(info.number)
                if head is None:
                    known.heads[info.number] = Head()
                    self._take_in(known, info, self._store.read(info.number))
                elif info.mark != head.mark:
                    self._look_again(known, info, head)
            self._check_environment(known)
            self._known = known
            return known

    def records(
        self, *, since: int = 1, among: Sequence[bytes] = (), whole: Collection[int] = ()
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Records in order, each with the number of its stream.

        Args:
            since: The stream to begin with.
            among: Only lines that hold one of these; all when empty.
            whole: Streams of which every line counts all the same.
        """
        known = self.know()
        for number in range(since, len(known.heads) + 1):
            found = self.scan(number, self._store.read(number), known.before(number))
            everything = not among or number in whole
            for line in found.lines:
                if everything or any(mark in line for mark in among):
                    yield number, orjson.loads(line)

    def scan(self, number: int, data: bytes, prev: str, seq: int = 0) -> chain.Scan:
        """`chain.scan` in terms of the store."""
        try:
            return chain.scan(data, prev=prev, seq=seq)
        except chain.BrokenChain as broken:
            raise LedgerCorrupt(self._store.name(number), broken.line, broken.why) from None

    def document(self, digest: str, place: int) -> tuple[Mapping[str, Any], bytes]:
        """One document of a pack with its description."""
        fetch = partial(self._store.get, digest)
        try:
            table = pack.contents(digest, fetch)
            item = table.items[place]
            return item, pack.document(item, table.start, fetch)
        except KeyError:
            raise self._broken_pack(digest, "the file is missing") from None
        except pack.BrokenPack as broken:
            raise self._broken_pack(digest, str(broken)) from None

    def verify(self) -> Verified:
        """Reads everything, packs too, and checks every hash."""
        known = self.know()
        records = torn = 0
        packs: set[str] = set()
        for number in known.heads:
            found = self.scan(number, self._store.read(number), known.before(number))
            records += len(found.lines)
            torn += found.torn
            packs.update(filter(None, map(_pack_of, found.lines)))
        for digest in sorted(packs):
            self._verify_pack(digest)
        return Verified(runs=len(known.runs), records=records, packs=len(packs), torn=torn)

    def _indexed(self) -> Knowledge:
        data = self._store.read_index()
        known = None if data is None else index.decode(data)
        self.index_is_old = known is None
        return known or Knowledge()

    def _check_complete(self, infos: Sequence[StreamInfo], known: Knowledge) -> None:
        for number, info in enumerate(infos, start=1):
            if info.number != number:
                raise LedgerCorrupt(self._store.name(number), None, "the file is missing")
        if len(infos) < len(known.heads):
            raise LedgerCorrupt(
                self._store.name(len(infos) + 1),
                None,
                "the file is missing, although the index knows what was in it",
                hint="Restore this file from a copy. If you went back to an older ledger on purpose, delete the index "
                f"(`applied.index` at {self._store.place}).",
            )

    def _look_again(self, known: Knowledge, info: StreamInfo, head: Head) -> None:
        """A stream that may have changed: what we know of it must still be there, word for word."""
        data = self._store.read(info.number)
        found = self.scan(info.number, data[: head.size], known.before(info.number))
        if found.hash != head.hash or found.size != head.size:
            raise LedgerCorrupt(
                self._store.name(info.number), head.seq, "records at its end are missing or are not those that we knew"
            )
        self._take_in(known, info, data[head.size :])

    def _take_in(self, known: Knowledge, info: StreamInfo, data: bytes) -> None:
        head = known.heads[info.number]
        prev = head.hash if head.seq else known.before(info.number)
        found = self.scan(info.number, data, prev, head.seq)
        if found.lines and info.number != len(known.heads):
            raise LedgerCorrupt(
                self._store.name(info.number), head.seq + 1, "it was added after the next run had begun"
            )
        for line in found.lines:
            record = orjson.loads(line)
            head.seq += 1
            if head.seq == 1:
                self._check_first(info.number, record)
            head.time = record["time"]
            known.fold(info.number, record)
        head.size += found.size
        head.hash = found.hash
        head.mark = info.mark
        self.index_is_old = True

    def _check_first(self, number: int, record: Mapping[str, Any]) -> None:
        name = self._store.name(number)
        if record["type"] not in ("run", "continued"):
            raise LedgerCorrupt(name, 1, "its first record is not the beginning of a run")
        if record["format"] > FORMAT:
            raise LedgerError(
                f"{name} was written in format {record['format']}, this version reads up to {FORMAT}",
                code="RC557",
                hint="Install the version of retrainctl that wrote it, or a later one.",
            )

    def _check_environment(self, known: Knowledge) -> None:
        if known.current is None:
            return
        environment = known.runs[known.current]["environment"]
        if environment != self._environment:
            raise LedgerError(
                f"the ledger at {self._store.place} is that of environment {environment!r}, "
                f"not of {self._environment!r}",
                code="RC558",
                hint="Give every environment a ledger of its own (`ledger:` in the project file).",
            )

    def _verify_pack(self, digest: str) -> None:
        try:
            data = self._store.get(digest)
        except KeyError:
            raise self._broken_pack(digest, "the file is missing") from None

        def fetch(offset: int, length: int | None) -> bytes:
            return data[offset:] if length is None else data[offset : offset + length]

        try:
            table = pack.contents(digest, fetch)
            for item in table.items:
                pack.document(item, table.start, fetch)
        except pack.BrokenPack as broken:
            raise self._broken_pack(digest, str(broken)) from None

    def _broken_pack(self, digest: str, why: str) -> LedgerCorrupt:
        return LedgerCorrupt(f"{self._store.place}/packs/{digest}.pack", None, why)


def _pack_of(line: bytes) -> str | None:
    """The pack that a record refers to."""
    if b'"pack":"' not in line:
        return None
    record = orjson.loads(line)
    digest: str | None = record.get("pack") or record.get("backup", {}).get("pack")
    return digest
