"""The end of the chain: turns bodies into linked lines and appends them. Not thread-safe; `journal` takes turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrainctl.ledger import chain
from retrainctl.ledger.knowledge import Head, Key
from retrainctl.ports import Clock, LeaseGrant, LedgerStore, LedgerUnavailable


class StreamWriter:
    """Writes one run: one stream, and a next one whenever the store takes no more appends to the present one."""

    def __init__(
        self, store: LedgerStore, grant: LeaseGrant, *, number: int, prev: Head, clock: Clock, continuation: bytes
    ) -> None:
        """Makes stream `number`, which follows `prev`. `continuation` is the first body of every later stream."""
        self._store = store
        self._grant = grant
        self._clock = clock
        self._continuation = continuation
        self._number = number
        self._head = Head(hash=prev.hash, time=prev.time)
        self._appends = 0
        self._in_doubt = b""
        store.create(number, grant)

    def write(self, bodies: Sequence[bytes]) -> list[Key]:
        """Appends all bodies in one go, durably; returns where each stands.

        Raises:
            LedgerUnavailable: Nobody knows whether the records are there. The next call finds out first.
            LeaseLost: Nothing was acknowledged and nothing ever will be.
        """
        if self._in_doubt:
            self._find_out()
        limit = self._store.append_limit
        added = 0
        if limit is not None and self._appends >= limit:
            self._next_stream()
            bodies = [self._continuation, *bodies]
            added = 1
        time, note = self._time()
        former = self._head
        head = Head(size=former.size, seq=former.seq, hash=former.hash, time=time)
        block = bytearray()
        for body in bodies:
            head.seq += 1
            line, head.hash = chain.link(note + body[1:], seq=head.seq, prev=head.hash, time=head.time)
            block += line
        self._append(bytes(block), head)
        first = head.seq - len(bodies) + 1 + added
        return [(self._number, seq) for seq in range(first, head.seq + 1)]

    def seal(self) -> None:
        """Ends the stream: nothing can be added any more."""
        self._store.seal(self._number, self._grant)

    def _append(self, block: bytes, head: Head) -> None:
        self._in_doubt = block
        self._store.append(self._number, block, offset=head.size, grant=self._grant)
        self._in_doubt = b""
        self._appends += 1
        head.size += len(block)
        self._head = head

    def _time(self) -> tuple[str, bytes]:
        """A time that never goes back, and the beginning of a body that notes what the clock said where it did."""
        now = chain.timestamp(self._clock.now())
        if now >= self._head.time:
            return now, b"{"
        return self._head.time, b'{"clock":"%s",' % now.encode()

    def _next_stream(self) -> None:
        self._store.seal(self._number, self._grant)
        self._store.create(self._number + 1, self._grant)
        self._number += 1
        self._appends = 0
        self._head = Head(hash=self._head.hash, time=self._head.time)

    def _find_out(self) -> None:
        """After a failed append: takes whatever arrived of it as written; its callers were told that nothing was."""
        arrived = self._store.read(self._number, self._head.size)
        if arrived and not (self._in_doubt.startswith(arrived) and arrived.endswith(b"\n")):
            raise LedgerUnavailable(
                f"a write to {self._store.name(self._number)} was cut off and cannot be taken back",
                hint="Nothing more is written in this run. Run `retrainctl apply --resume` to go on.",
            )
        found = chain.scan(arrived, prev=self._head.hash, seq=self._head.seq)
        head = replace(self._head, seq=self._head.seq + len(found.lines), hash=found.hash)
        head.size += len(arrived)
        self._head = head
        self._in_doubt = b""
