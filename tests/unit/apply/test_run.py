"""Portions, checks, restoring: what a whole run comes to."""

from __future__ import annotations

import pytest

from retrainctl.apply.executor import RESTORE
from retrainctl.apply.outcome import Fate, Verified
from retrainctl.apply.rollout import Rollout, portions, seconds
from retrainctl.apply.run import RunEnd, run_plan
from retrainctl.errors import RetrainctlError
from retrainctl.model.address import Address
from retrainctl.ports import Rejected
from retrainctl.schemas import document
from tests.support.build import SLOT
from tests.support.memory import MemoryBooks
from tests.unit.apply.test_executor import ONE, TWO, estate, tools


def run(count: int, rollout: Rollout, *, fail: tuple[int, ...] = (), check=None, books=None, end=None):
    _, target, plan = estate(count)
    for number in fail:
        target.fail[Address("WebService", f"svc-{number}")] = Rejected("no")
    done = run_plan(plan.changes, tools(target, books, parallel=1), rollout, {"arm": target}, check, end=end)
    return target, done


def fates(end: RunEnd) -> list[str]:
    return [result.fate.value for result in end.results]


def test_the_canary_is_a_part_of_the_first_wave_and_at_least_one() -> None:
    _, _, plan = estate(10)
    names = [(portion.name, len(portion.changes)) for portion in portions(plan.changes, Rollout(canary_percent=1))]
    assert names == [("canary", 1), ("rest", 9)]
    whole = [portion.name for portion in portions(plan.changes, Rollout(canary_percent=100))]
    assert whole == ["all"]


def test_a_failed_canary_stops() -> None:
    target, end = run(4, Rollout(canary_percent=50), fail=(1,))
    assert fates(end) == ["applied", "failed", "not_attempted", "not_attempted"]
    assert len(target.writes) == 1


def test_restore_takes_back_the_portion_that_failed_and_says_so() -> None:
    books = MemoryBooks()
    target, end = run(4, Rollout(canary_percent=75, restore=True), fail=(1,), books=books)
    assert fates(end) == ["restored", "failed", "restored", "not_attempted"]
    assert {thing.slots[SLOT] for thing in target.things.values()} == {ONE.uri}
    assert "taken back: stopped after the canary" in end.results[0].why
    steps = [line[2] for line in books.lines if line[0] == "intent" and line[1] == "WebService/svc-0"]
    assert steps == ["update", f"{RESTORE}update"], "each write has an intent of its own"
    assert books.applied[Address("WebService", "svc-0")].slots[SLOT].uri == ONE.uri


def test_what_cannot_be_taken_back_stays_applied_and_is_noted() -> None:
    _, target, plan = estate(2)
    target.fail[Address("WebService", "svc-1")] = Rejected("no")
    work = tools(target, parallel=1)
    real, calls = target.steps, []

    def steps(change, observed):
        calls.append(change.address.name)
        target.fail[change.address] = Rejected("not now")
        return real(change, observed)

    target.steps = steps
    end = run_plan(plan.changes, work, Rollout(max_failures=0, restore=True), {"arm": target})
    assert calls == ["svc-0"]
    assert fates(end) == ["applied", "failed"]
    assert "WebService/svc-0 was not restored: not now" in end.notes


def test_a_check_that_complains_restores_what_was_applied() -> None:
    _, end = run(4, Rollout(canary_percent=25, restore=True), check=lambda results: ["it predicts nonsense"])
    assert fates(end) == ["restored", "not_attempted", "not_attempted", "not_attempted"]
    assert end.check_failed
    assert "it predicts nonsense" in end.notes


def test_a_check_that_cannot_be_carried_out_is_a_complaint() -> None:
    def check(results):
        raise RetrainctlError("the sample cannot be read")

    _, end = run(2, Rollout(), check=check)
    assert end.check_failed
    assert end.notes[-1] == "a check could not be carried out: the sample cannot be read"
    assert fates(end) == ["applied", "applied"]


def test_what_was_done_is_known_when_a_run_breaks_off() -> None:
    end = RunEnd()

    def check(results):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(3, Rollout(canary_percent=30), check=check, end=end)
    assert fates(end) == ["applied"]
    assert end.results[0].verified is Verified.YES


def test_a_broken_ledger_is_not_written_to_again_by_restoring() -> None:
    class Breaking(MemoryBooks):
        def before(self, entries):
            if len(self.lines) > 2:
                raise RetrainctlError("disk full")
            return super().before(entries)

    target, end = run(3, Rollout(restore=True), books=Breaking())
    assert fates(end) == ["applied", "not_attempted", "not_attempted"]
    assert target.things[Address("WebService", "svc-0")].slots[SLOT] == TWO.uri
    assert end.fatal is not None


@pytest.mark.parametrize(
    ("text", "value"), [("500ms", 0.5), ("90s", 90), ("2m", 120), ("1.5h", 5400), ("7d", 604800), (30, 30), ("30", 30)]
)
def test_durations(text, value) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-1s", "1w"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_every_unit_of_the_schema_is_understood() -> None:
    (pattern,) = [one["pattern"] for one in document("defs")["$defs"]["duration"]["anyOf"] if "pattern" in one]
    units = pattern.rpartition("(")[2].partition(")")[0].split("|")
    assert {unit: seconds(f"1{unit}") for unit in units}


def test_fates_are_the_ones_that_receipts_count() -> None:
    assert {fate.value for fate in Fate} == {
        "applied", "restored", "failed", "conflicted", "skipped", "in_flight", "unknown", "not_attempted",
    }  # fmt: skip
