"""A process that applies: writes to a ledger as eight workers do and says what was acknowledged, until it is killed.

`python ledger_writer.py FOLDER SEED [TTL]`. Prints `begun RUN`, then `intent NAME`, `backup NAME` and
`result NAME VERSION` each after the ledger returned, `lost` and exit code 7 when the lease was lost. With a TTL it
writes one resource at a time, slowly, from one thread, so that a test can stop and continue it.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from pathlib import Path

from retrainctl.ledger.errors import LeaseLost
from retrainctl.ledger.holder import this_process
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import BackupItem
from retrainctl.ledger.run import Run
from retrainctl.ports import Outcome
from tests.support.ledgers import ANN, applied, begin, endpoint, intent, open_ledger


def say(line: str) -> None:
    # One write call a line: what a kill leaves in the pipe is whole lines.
    os.write(1, f"{line}\n".encode())


def write(run: Run, number: int, version: int, outcome: Outcome = Outcome.DONE) -> None:
    address = endpoint(number)
    run.backup([BackupItem(address=address, identity=str(number), definition=f"before {number}".encode() * 50)])
    run.intend([intent(address, version=version)])
    say(f"intent {address.name}")
    run.sent(address, "patch", None, f"request-{number}")
    run.result(address, "patch", outcome, applied=applied(address, version))
    say(f"result {address.name} {version}")


def work(run: Run, worker: int, seed: int) -> None:
    chance = random.Random(seed * 100 + worker)
    for number in range(100_000):
        write(run, worker * 1000 + number % 20, chance.randrange(1, 1000))


def slowly(ledger: Ledger, ttl: float) -> None:
    with ledger.acquire(this_process(ANN), ttl=ttl) as lease:
        run = begin(ledger, lease)
        say(f"begun {run.info.run}")
        try:
            for number in range(100_000):
                write(run, number, 1)
                time.sleep(0.01)
        except LeaseLost:
            say("lost")
            sys.exit(7)


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    ledger = open_ledger(LocalLedgerStore(folder))
    if len(sys.argv) > 3:
        slowly(ledger, float(sys.argv[3]))
        return
    lease = ledger.acquire(this_process(ANN))
    run = begin(ledger, lease)
    say(f"begun {run.info.run}")
    workers = [threading.Thread(target=work, args=(run, worker, seed), daemon=True) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
