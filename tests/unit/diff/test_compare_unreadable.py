"""Kinds that do not show everything: what the ledger knows, what resets it, and what is no drift."""

from __future__ import annotations

from retrainctl.diff.compare import compare
from retrainctl.diff.verify import verify
from retrainctl.model.address import Address
from retrainctl.model.change import Action, Cause, ResourceChange
from retrainctl.model.kinds import FieldTrait, KindSpec
from retrainctl.model.resource import Applied, AppliedSlot, Desired, Knowledge, Observed, SlotState
from retrainctl.model.versions import ModelVersion

SPEC = KindSpec(
    kind="Thing",
    target="x",
    place=("name",),
    slots=True,
    slots_readable=False,
    traits=(
        FieldTrait(path=("calls",), advisory=True),
        FieldTrait(path=("upToDate",), condition=True),
        FieldTrait(path=("reset",), condition=True, resets_slots=True),
    ),
)
ADDRESS = Address("Thing", "one")
ONE, TWO = (ModelVersion(model="m", version=n, uri=f"https://a.net/c/{n}.ilearner") for n in (1, 2))


def live(revision: str | None = None, **fields: object) -> Observed:
    unknown = SlotState(uri=None, knowledge=Knowledge.UNKNOWN)
    return Observed(
        address=ADDRESS, identity="/one", fields=fields, slots={"s": unknown}, fingerprint="f", revision=revision
    )


def wrote(version: ModelVersion | None = None, revision: str | None = None, **fields: object) -> Applied:
    slots = {} if version is None else {"s": AppliedSlot(uri=version.uri or "", model="m", version=version.version)}
    return Applied(address=ADDRESS, fields=fields, slots=slots, revision=revision)


def delta(
    observed: Observed | None, applied: Applied | None = None, version: ModelVersion | None = None, **fields: object
):
    slots = {} if version is None else {"s": version}
    desired = Desired(address=ADDRESS, place={"name": "one"}, fields=fields, slots=slots)
    return compare(desired, observed, applied, SPEC, secret_hash=lambda *_: None, version_of=lambda *_: None)


def test_a_slot_is_what_we_wrote_last() -> None:
    assert delta(live(), wrote(ONE), ONE).action is Action.NO_OP
    (move,) = delta(live(), wrote(ONE), TWO).models
    assert (move.knowledge, move.from_uri) == (Knowledge.APPLIED, ONE.uri)


def test_a_slot_that_we_never_wrote_is_unknown_and_written() -> None:
    (move,) = delta(live(), None, ONE).models
    assert (move.knowledge, move.from_uri) == (Knowledge.UNKNOWN, None)


def test_a_slot_of_something_that_was_made_anew_is_unknown() -> None:
    assert delta(live("r1"), wrote(ONE, "r1"), ONE).action is Action.NO_OP
    (move,) = delta(live("r2"), wrote(ONE, "r1"), ONE).models
    assert move.knowledge is Knowledge.UNKNOWN
    assert delta(live("r2"), wrote(ONE), ONE).action is Action.NO_OP, "an old ledger has no revision"
    assert delta(live(), wrote(ONE, "r1"), ONE).action is Action.NO_OP, "a service may not show it"


def test_what_the_service_tunes_is_neither_change_nor_drift_once_we_have_said_it() -> None:
    (first,) = delta(live(calls=4), None, calls=20).fields
    assert (first.before, first.after) == (4, 20)
    told = delta(live(calls=4), wrote(calls=20), calls=20)
    assert (told.fields, told.drift) == ((), ())
    assert [(entry.path, entry.reason) for entry in told.suppressed] == [(("calls",), "advisory")]
    assert delta(live(calls=4), wrote(calls=20), calls=30).fields, "a new wish is a change"
    change = ResourceChange(address=ADDRESS, target="x", identity="/one", action=Action.UPDATE, fields=(first,))
    verdict = verify(change, live(calls=7), SPEC)
    assert (verdict.mismatches, verdict.unreadable) == ((), (("calls",),))


def test_a_condition_is_never_drift_and_nothing_of_a_new_resource() -> None:
    (entry,) = delta(live(upToDate="due"), wrote(upToDate="done"), upToDate="done").fields
    assert entry.cause is Cause.INTENT
    assert delta(None, upToDate="done").fields == ()


def test_a_reset_writes_every_declared_slot_again() -> None:
    back = delta(live(reset="due"), wrote(ONE), ONE, reset="done")
    assert [move.after for move in back.models] == [ONE]
    assert back.models[0].knowledge is Knowledge.APPLIED
    assert delta(live(reset="done"), wrote(ONE), ONE, reset="done").action is Action.NO_OP
    assert delta(live(upToDate="due"), wrote(ONE), ONE, upToDate="done").models == ()
