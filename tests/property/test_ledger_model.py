"""Whatever is done to a ledger, in whatever order, with crashes in between: it agrees with a model of three dicts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from retrainctl.ledger.holder import this_process
from retrainctl.ledger.lease import Lease
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import Settlement
from retrainctl.ledger.run import Run
from retrainctl.model.address import Address
from retrainctl.ports import Outcome
from tests.support.ledgers import ANN, RealClock, applied, begin, endpoint, intent, open_ledger

resources = st.integers(0, 4).map(endpoint)
outcomes = st.sampled_from(list(Outcome))


class LedgerMachine(RuleBasedStateMachine):
    """`versions`: what is applied; `waiting`: open intents by run and resource; `runs`: finished or not, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.versions: dict[Address, int] = {}
        self.waiting: dict[tuple[str, Address], None] = {}
        self.runs: dict[str, bool] = {}
        self.run: Run | None = None
        self.lease: Lease | None = None
        self.version = 0
        self.ledger = self._open()

    def _open(self) -> Ledger:
        return open_ledger(LocalLedgerStore(self.folder), RealClock())

    def teardown(self) -> None:
        if self.lease is not None:
            self.lease.release()
        shutil.rmtree(self.folder)

    @precondition(lambda self: self.run is None)
    @rule()
    def begin(self) -> None:
        self.ledger = self._open()
        self.lease = self.ledger.acquire(this_process(ANN))
        self.run = begin(self.ledger, self.lease, digest=None)
        self.runs[self.run.info.run] = False

    @precondition(lambda self: self.run is not None)
    @rule(address=resources, outcome=outcomes, removed=st.booleans())
    def write(self, address: Address, outcome: Outcome, removed: bool) -> None:
        assert self.run is not None
        if (self.run.info.run, address) in self.waiting:
            return
        self.version += 1
        self.run.intend([intent(address, version=self.version)])
        done = outcome is Outcome.DONE
        self.run.result(
            address,
            "patch",
            outcome,
            applied=applied(address, self.version) if done and not removed else None,
            removed=done and removed,
        )
        if outcome is Outcome.UNKNOWN:
            self.waiting[self.run.info.run, address] = None
        elif done and removed:
            self.versions.pop(address, None)
        elif done:
            self.versions[address] = self.version

    @precondition(lambda self: self.run is not None)
    @rule(address=resources)
    def only_intend(self, address: Address) -> None:
        assert self.run is not None
        if (self.run.info.run, address) not in self.waiting:
            self.run.intend([intent(address)])
            self.waiting[self.run.info.run, address] = None

    @precondition(lambda self: self.run is not None)
    @rule(outcome=outcomes)
    def settle_first(self, outcome: Outcome) -> None:
        assert self.run is not None
        for item in self.ledger.unsettled()[:1]:
            address = item.intent.address
            self.version += 1
            now = applied(address, self.version) if outcome is Outcome.DONE else None
            self.run.settle([Settlement(unsettled=item, outcome=outcome, applied=now)])
            if outcome is not Outcome.UNKNOWN:
                del self.waiting[item.run, address]
            if now is not None:
                self.versions[address] = self.version

    @precondition(lambda self: self.run is not None)
    @rule(finish=st.booleans())
    def end(self, finish: bool) -> None:
        """A receipt, or a crash: then the next command begins from the files alone."""
        assert self.run is not None
        assert self.lease is not None
        if finish:
            self.run.finish({})
            self.runs[self.run.info.run] = True
        self.lease.release()
        self.run = self.lease = None

    @rule()
    def lose_the_index(self) -> None:
        (self.folder / "applied.index").unlink(missing_ok=True)

    @invariant()
    def agrees(self) -> None:
        for ledger in (self.ledger, self._open()):
            known = ledger.applied()
            assert {a: s.version for a in known for s in known[a].slots.values()} == self.versions
            assert [(u.run, u.intent.address) for u in ledger.unsettled()] == list(self.waiting)
            assert {r.info.run: r.finished is not None for r in ledger.runs()} == self.runs
        self.ledger.verify()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
