"""What a ledger costs: bookkeeping per resource through eight workers with every flush, and loading what is applied."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import BackupItem
from retrainctl.ledger.run import Run
from retrainctl.model.resource import Applied
from retrainctl.ports import Outcome
from tests.support.ledgers import applied, begin, endpoint, intent, open_ledger, take


def size(benchmark: BenchmarkFixture, count: int) -> int:
    """The size to measure; a small one when the suite only proves that it runs."""
    return count if benchmark.enabled else 300


def bookkeep(run: Run, states: list[Applied]) -> None:
    """The backups of one wave, then intent and result of every resource, as eight workers write them."""
    run.backup([BackupItem(address=state.address, identity=state.identity, definition=b"{}") for state in states])
    queue = iter(states)
    turn = threading.Lock()

    def work() -> None:
        while True:
            with turn:
                state = next(queue, None)
            if state is None:
                return
            run.intend([intent(state.address)])
            run.result(state.address, "patch", Outcome.DONE, applied=state)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    run.finish({})


@pytest.mark.parametrize("count", [1000, 5000, 20000])
def test_bookkeeping(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    """Per resource: at most 0.5 ms, the same at every size."""
    count = size(benchmark, count)
    states = [applied(endpoint(number)) for number in range(count)]
    with ExitStack() as leases:

        def setup() -> tuple[tuple[Run, list[Applied]], dict[str, object]]:
            ledger = open_ledger(LocalLedgerStore(tmp_path / str(len(list(tmp_path.iterdir())))))
            return (begin(ledger, leases.enter_context(take(ledger))), states), {}

        benchmark.pedantic(bookkeep, setup=setup, rounds=3 if benchmark.enabled else 1)
    if benchmark.stats is not None:
        benchmark.extra_info["ms_per_resource"] = round(benchmark.stats.stats.median / count * 1000, 3)
    ledger = open_ledger(LocalLedgerStore(tmp_path / "0"))
    assert len(ledger.applied()) == count
    assert not ledger.unsettled()


@pytest.mark.parametrize("count", [5000, 50000])
@pytest.mark.parametrize("look", ["load", "load and look at all"])
def test_applied(benchmark: BenchmarkFixture, tmp_path: Path, count: int, look: str) -> None:
    """What a plan pays: 5,000 resources in about 30 ms."""
    count = size(benchmark, count)
    ledger = open_ledger(LocalLedgerStore(tmp_path / "ledger"))
    with take(ledger) as lease:
        run = begin(ledger, lease)
        run.adopt([applied(endpoint(number)) for number in range(count)])
        run.finish({})

    def load() -> int:
        known = open_ledger(LocalLedgerStore(tmp_path / "ledger")).applied()
        return len(known) if look == "load" else len(dict(known))

    check: Callable[[], int] = load
    assert benchmark(check) == count


@pytest.mark.parametrize("count", [5000])
def test_replay(benchmark: BenchmarkFixture, tmp_path: Path, count: int) -> None:
    """The same without the index."""
    count = size(benchmark, count)
    folder = tmp_path / "ledger"
    ledger = open_ledger(LocalLedgerStore(folder))
    with take(ledger) as lease:
        bookkeep(begin(ledger, lease), [applied(endpoint(number)) for number in range(count)])
    (folder / "applied.index").unlink()
    assert len(benchmark(lambda: open_ledger(LocalLedgerStore(folder)).applied())) == count
