"""The right to apply: taken once, kept alive by a heartbeat, checked before every write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from retrainctl.errors import RetrainctlError
from retrainctl.ports import Clock, LeaseGrant, LeaseHeld, LeaseLost, LeaseOwner, LeaseState, LedgerStore

TTL: Final = 30.0
"""Seconds without a sign of life after which a lease lapses."""

_BEATS_PER_TTL: Final = 3
_POLL: Final = 1.0


class Lease:
    """A lease that we hold. Leaving the `with` block gives it back. Made by `Ledger.acquire`."""

    def __init__(self, store: LedgerStore, grant: LeaseGrant, owner: LeaseOwner, clock: Clock, ttl: float) -> None:
        self.grant = grant
        self.owner = owner
        self._store = store
        self._clock = clock
        self._ttl = ttl
        self._lock = threading.Lock()
        self._renewed = clock.monotonic()
        self._lost: LeaseLost | None = None
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat_on, name="retrainctl-lease", daemon=True)
        self._heart.start()

    @property
    def fence(self) -> int:
        """Grows with every lease of this ledger."""
        return self.grant.fence

    def check(self) -> None:
        """Whether the lease is still ours; raises `LeaseLost`, or `LedgerUnavailable` when that cannot be known."""
        self.check_life()
        self._store.check(self.grant)

    def check_life(self) -> None:
        """The part of `check` that the store's `append` does not do itself."""
        if self._lost is not None:
            raise LeaseLost(self._lost.why)
        if self._clock.monotonic() - self._renewed > self._ttl:
            # No sign of life went out for a whole TTL (the machine slept, the network was down): ask before writing.
            self._beat()

    def confirm(self) -> None:
        """As `check`, but asks the store for certain."""
        self.check()
        self._beat()

    def release(self) -> None:
        """Gives the lease back; harmless when it is gone."""
        if self._over.is_set():
            return
        self._over.set()
        self._heart.join()
        if self._lost is None:
            self._store.release(self.grant)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except RetrainctlError:
            # It lapses by itself; the error that ends the block, if any, matters more.
            if error is None:
                raise

    def _beat(self) -> None:
        with self._lock:
            try:
                self._store.renew(self.grant)
            except LeaseLost as lost:
                self._lost = lost
                raise
            self._renewed = self._clock.monotonic()

    def _beat_on(self) -> None:
        pause = regular = self._ttl / _BEATS_PER_TTL
        while not self._over.wait(pause):
            try:
                self._beat()
            except LeaseLost:
                return
            except Exception:
                # Not lost yet: try again soon, whatever it was; `check` asks for itself when it has been too long.
                pause = regular / _BEATS_PER_TTL
            else:
                pause = regular


def acquire(
    store: LedgerStore,
    owner: LeaseOwner,
    clock: Clock,
    *,
    ttl: float = TTL,
    pause: Callable[[float], None] | None = None,
    waiting: Callable[[LeaseHeld], None] | None = None,
) -> Lease:
    """Takes the lease, waiting for it to lapse where its holder may be dead.

    A holder that certainly lives, or that gives a sign of life while we watch, keeps it: `LeaseHeld`. One that is
    certainly dead is superseded at once, one that is silent for its TTL after that. Silence is measured on our own
    monotonic clock against marks that change, so wrong wall clocks cannot take a lease from anybody.

    Args:
        store: The ledger.
        owner: Us.
        clock: For waiting and for `since`.
        ttl: Seconds that our own silence may last.
        pause: Sleeps; may raise to end the waiting. Default: the clock's.
        waiting: Told once, before the first wait, whom we wait for.
    """
    pause = pause or clock.sleep
    watched: LeaseState | None = None
    began = clock.monotonic()
    while True:
        silent = watched is not None and clock.monotonic() - began >= watched.ttl
        try:
            grant = store.acquire(owner, since=clock.now(), ttl=ttl, stale=watched if silent else None)
        except LeaseHeld as held:
            if _lives(held.lease, watched, clock) or (silent and watched == held.lease):
                raise
            if watched is None:
                watched, began = held.lease, clock.monotonic()
                if waiting is not None:
                    waiting(held)
            pause(min(_POLL, held.lease.ttl / 10))
        else:
            return Lease(store, grant, owner, clock, ttl)


def steal(store: LedgerStore, owner: LeaseOwner, clock: Clock, *, ttl: float = TTL) -> Lease:
    """Takes the lease from whoever has it. Their next write is refused."""
    return Lease(store, store.acquire(owner, since=clock.now(), ttl=ttl, steal=True), owner, clock, ttl)


def _lives(lease: LeaseState, watched: LeaseState | None, clock: Clock) -> bool:
    if watched is not None and (lease.fence, lease.beat) != (watched.fence, watched.beat):
        return True
    if not lease.alive or lease.last_beat is None:
        return False
    age = (clock.now() - lease.last_beat).total_seconds()
    return 0 <= age < lease.ttl
