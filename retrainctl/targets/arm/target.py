"""New web services and commitment plans, read and written (implements `ports.Writer`)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from typing import Any, Final, TypeVar

from retrainctl.definition import commitmentplan, document, export, observe
from retrainctl.definition.parameters import PREVIEW
from retrainctl.definition.shape import COMMITMENT_PLAN
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange, Step
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject, SecretRef
from retrainctl.ports import (
    AuthFailed,
    Conflict,
    NotFound,
    Outcome,
    Performed,
    Reading,
    Rejected,
    SecretResolver,
    TargetError,
    Unavailable,
    Waiter,
)
from retrainctl.targets.arm import billing, ids
from retrainctl.targets.arm.client import ArmClient
from retrainctl.targets.arm.copies import Copies
from retrainctl.targets.arm.planner import PLAN, SERVICE, ArmPlanner, region_of
from retrainctl.targets.arm.requests import REGIONS, hidden_places, reveal
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.pipeline import Answer

_MANY: Final = 8
"""From so many wanted resources of a kind and group on, one list call tells which exist before each is read."""

_GROUP_MISSING: Final = "RC311"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTarget:
    """Reads and writes through an `ArmClient`.

    planner: makes the bodies, so that what is sent is what was planned. parallel: reads at one time.
    regions: which regions' copies a read looks for, by key of the id: those that were wanted or written before.
    moved: who pays since a change, by key of the service's id: a service itself never shows it (arm-webservices.md
    section 5). copies: what `read` may take a definition from that has not changed since; None: every definition is
    read.
    """

    client: ArmClient
    planner: ArmPlanner
    secrets: SecretResolver
    parallel: int = 8
    regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    moved: dict[str, billing.Payment] = field(default_factory=dict)
    copies: Copies | None = None

    # Reading

    def identity(self, desired: Desired) -> str:
        """The id that a declared resource has or will have."""
        settings = self.planner.settings
        group = desired.place.get("resourceGroup") or settings.resource_group
        name = desired.place.get("name") or desired.address.name
        compose = ids.commitment_plan if desired.address.kind == PLAN else ids.web_service
        return compose(settings.subscription, group, name)

    def read(self, wanted: Sequence[Desired]) -> Reading:
        """Lists first where many are wanted, then gets each one that exists: list items are sparse.

        Raises `TargetError` when nothing can be read at all (no connection, no credentials).
        """
        identities = {desired.address: self.identity(desired) for desired in wanted}
        for desired in wanted:
            self._look_for(identities[desired.address], desired.fields.get(REGIONS))
        failures: dict[Address, TargetError] = {}
        # A name that cannot be part of an id belongs to nothing that exists; judging the change says so.
        possible = {address: identity for address, identity in identities.items() if _is_id(identity)}
        present = self._present(possible, failures)
        todo = [(a, i, item) for a, i in possible.items() if a not in failures and (item := present(a, i)) is not None]
        observed: dict[Address, Observed] = {}
        for (address, _, _), found in zip(todo, self._parallel(self._try_read, todo), strict=True):
            if isinstance(found, TargetError):
                failures[address] = found
            elif found is not None:
                observed[address] = found
        self._raise_if_hopeless(failures, len(identities))
        facts = self._facts(wanted, identities, observed, failures)
        self._add_payers(wanted, observed, facts)
        return Reading(observed=observed, identities=identities, failures=failures, facts=facts)

    def reread(self, address: Address, identity: str) -> Observed | None:
        """Reads one resource again; None when it is not there. A missing resource group is an error."""
        try:
            return self._read(address, identity, None)
        except NotFound as error:
            if error.code == _GROUP_MISSING:
                error.address = address
                raise
            return None

    def discover(self, group: str | None = None) -> Iterator[Observed]:
        """Every web service of a group, else of the subscription, in full; in the order of their ids."""
        found = sorted(str(item["id"]) for item in self.client.list_services(group) if isinstance(item.get("id"), str))
        targets = [(Address(SERVICE, ids.parse(identity).name), identity) for identity in found]
        for result in self._parallel(lambda pair: self.reread(*pair), targets):
            if result is not None:
                yield result

    def backup(self, observed: Observed) -> tuple[bytes, bytes]:
        """The definition as `export` writes it, and as JSON what it leaves out; neither holds a secret."""
        if observed.address.kind == PLAN:
            fields: dict[str, Any] = {}
            side: dict[str, Any] = {}
            for name, item in observed.document.items():
                (side if name in commitmentplan.READ_ONLY else fields)[name] = item
            return _json(fields), _json(side)
        version = self.planner.settings.api_version
        return export.export(observed.document, api_version=version), _json(export.read_only(observed.document))

    def _present(
        self, identities: Mapping[Address, str], failures: dict[Address, TargetError]
    ) -> Callable[[Address, str], JsonObject | None]:
        """What a list shows of each of the wanted, None where it does not name it; `{}` where too few are wanted for
        a list: then it may exist."""
        groups: defaultdict[tuple[str, str], list[Address]] = defaultdict(list)
        for address, identity in identities.items():
            groups[address.kind, ids.parse(identity).resource_group].append(address)
        listed: dict[tuple[str, str], dict[str, JsonObject]] = {}
        for (kind, group), addresses in groups.items():
            if len(addresses) < _MANY:
                continue
            try:
                listed[kind, group.casefold()] = self._list(kind, group)
            except NotFound as error:
                failures.update(dict.fromkeys(addresses, error))

        def shown(address: Address, identity: str) -> JsonObject | None:
            known = listed.get((address.kind, ids.parse(identity).resource_group.casefold()))
            return {} if known is None else known.get(ids.key(identity))

        return shown

    def _list(self, kind: str, group: str) -> dict[str, JsonObject]:
        items = self.client.list_plans(group) if kind == PLAN else self.client.list_services(group)
        return {ids.key(str(item.get("id", ""))): item for item in items}

    def _try_read(self, what: tuple[Address, str, JsonObject]) -> Observed | TargetError | None:
        address, identity, listed = what
        copies = self.copies if address.kind == SERVICE else None
        if copies is not None and listed and (kept := copies.find(ids.key(identity), listed)) is not None:
            observed = observe.observe(address, identity, kept, now=self.client.pipeline.clock.now())
            return self._with_regions(observed, None)
        try:
            found = self.reread(address, identity)
        except TargetError as error:
            error.address = error.address or address
            return error
        if copies is not None and found is not None and listed:
            copies.keep(ids.key(identity), found.document)
        return found

    def _read(self, address: Address, identity: str, pause: Pause | None) -> Observed:
        place = ids.parse(identity)
        if address.kind == PLAN:
            found = self.client.get_plan(place.resource_group, place.name, pause=pause)
            return commitmentplan.observe(address, identity, document.proper(found, COMMITMENT_PLAN))
        found = self.client.get_service(place.resource_group, place.name, pause=pause)
        now = self.client.pipeline.clock.now()
        found_now = observe.observe(address, identity, document.proper(found), now=now)
        return self._with_payer(self._with_regions(found_now, pause), pause)

    def _add_payers(self, wanted: Sequence[Desired], observed: dict[Address, Observed], facts: dict[str, Any]) -> None:
        """Adds who pays to the services that say who shall: one call, and one per plan of the subscription.

        Where the plans may not be read, the ledger has to do.
        """
        asked = [d.address for d in wanted if billing.FIELD in d.fields and d.address in observed]
        if not asked:
            return
        try:
            plans = list(billing.plans(self.client))
            listed = self._parallel(lambda plan: list(billing.payments(self.client, plan)), plans)
            paying = {service: payment for found in listed for service, payment in found}
        except (TargetError, InvalidInput):
            return
        facts["commitmentPlans"] = sorted({*facts.get("commitmentPlans", ()), *map(ids.key, plans)})
        for address in asked:
            found = observed[address]
            if (payment := paying.get(ids.key(found.identity))) is not None:
                observed[address] = replace(found, fields={**found.fields, billing.FIELD: payment.field()})

    def _with_payer(self, observed: Observed, pause: Pause | None) -> Observed:
        """The service with who pays for it, where that was changed just now: one call."""
        payment = self.moved.get(ids.key(observed.identity))
        if payment is None:
            return observed
        found = billing.find(self.client, observed.identity, [payment], pause)
        return (
            observed if found is None else replace(observed, fields={**observed.fields, billing.FIELD: found.field()})
        )

    def _look_for(self, identity: str, wanted: Any) -> None:
        if isinstance(wanted, Mapping) and wanted:
            known = self.regions.get(ids.key(identity), ())
            self.regions[ids.key(identity)] = tuple(sorted({*known, *wanted}))

    def _with_regions(self, observed: Observed, pause: Pause | None) -> Observed:
        """The service with what the regions in question have: a copy is present or missing. One call each, for nothing
        lists them (arm-webservices.md section 9)."""
        asked = self.regions.get(ids.key(observed.identity), ())
        if not asked or self.planner.settings.api_version == PREVIEW:
            return observed
        place = ids.parse(observed.identity)
        there: dict[str, str] = {}
        for region in asked:
            try:
                self.client.get_service(place.resource_group, place.name, region=region, pause=pause)
            except NotFound as error:
                if error.service_code != "PerRegionPayloadNotFound":
                    raise
                there[region] = "missing"
            else:
                there[region] = "present"
        return replace(observed, fields={**observed.fields, REGIONS: there})

    def _parallel(self, work: Callable[[Any], _T], items: Sequence[Any]) -> Iterable[_T]:
        if len(items) < 2 or self.parallel < 2:
            return map(work, items)
        pool = ThreadPoolExecutor(max_workers=min(self.parallel, len(items)), thread_name_prefix="arm-read")
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)

    def _raise_if_hopeless(self, failures: Mapping[Address, TargetError], wanted: int) -> None:
        """One error instead of a thousand when nobody lets us in or nobody is there."""
        if failures and len(failures) == wanted:
            first = next(iter(failures.values()))
            if isinstance(first, AuthFailed | Unavailable) and all(e.code == first.code for e in failures.values()):
                raise first

    def _facts(
        self,
        wanted: Sequence[Desired],
        identities: Mapping[Address, str],
        observed: Mapping[Address, Observed],
        failures: Mapping[Address, TargetError],
    ) -> dict[str, Any]:
        """`commitmentPlans`: the plans that exist where a service shall be created with one."""
        facts: dict[str, Any] = {}
        groups = {
            ids.parse(identities[d.address]).resource_group
            for d in wanted
            if d.address.kind == SERVICE
            and "commitmentPlan" in d.fields
            and d.address not in observed
            and d.address not in failures
            and _is_id(identities[d.address])
        }
        if groups:
            try:
                plans = sorted(plan for group in sorted(groups) for plan in self._list(PLAN, group))
            except NotFound:
                return facts
            facts["commitmentPlans"] = plans
        return facts

    # Writing

    def perform(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Performed:
        """Builds the call anew from `observed`, sends it and waits for the final result."""
        if step.id == billing.MOVE:
            return self._move_association(change, step, waiter)
        self._look_for(change.identity, change.wanted().get(REGIONS))
        try:
            body = self._body(change, step, observed, waiter)
        except TargetError as error:
            error.address = change.address
            return Performed(outcome=Outcome.FAILED, error=error)
        try:
            start = self._send(change, step, body, waiter.pause)
        except TargetError as error:
            if step.id == "delete" and isinstance(error, NotFound):
                return Performed(outcome=Outcome.DONE, request_id=error.request_id)
            error.address = change.address
            return Performed(outcome=_after_error(error), request_id=error.request_id, error=error)
        if change.address.kind == PLAN:
            waiter.sent(None, start.request_id)
            return Performed(outcome=Outcome.DONE, request_id=start.request_id)
        place = ids.parse(change.identity)
        performed = self.client.finish(start, place.resource_group, place.name, waiter)
        if performed.error is not None:
            performed.error.address = change.address
        return performed

    def _move_association(self, change: ResourceChange, step: Step, waiter: Waiter) -> Performed:
        """Has another plan pay. From here on the read-back looks where the association should be."""
        destination = self.planner.plan_id(billing.payer(change.fields, before=False) or "")
        service = ids.key(change.identity)
        self.moved[service] = billing.Payment(plan=destination, association="")
        try:
            self.moved[service] = billing.move(self.client, change, step, destination, waiter.pause)
        except TargetError as error:
            error.address = change.address
            return Performed(outcome=_after_error(error), request_id=error.request_id, error=error)
        return Performed(outcome=Outcome.DONE)

    def settle(self, operation: str, waiter: Waiter) -> Performed:
        """Asks on our host what became of an operation of an earlier run."""
        return self.client.operations.settle(operation, waiter)

    def _body(self, change: ResourceChange, step: Step, observed: Observed | None, waiter: Waiter) -> Any:
        """The body with its secrets. Raises `TargetError` for what can be known before sending, `SecretUnavailable`."""
        if step.id == "delete" or region_of(step.id) is not None:
            return None
        live: JsonObject = {}
        if step.id == "create":
            self._must_be_free(change, waiter)
        else:
            if observed is None:
                observed = self._read(change.address, change.identity, waiter.pause)
            live = observed.document
        try:
            body = self.planner.body(change, step.id, live)
        except InvalidInput as error:
            found = error.diagnostics[0]
            raise Rejected(found.message, code=found.code, hint=found.hint, sent=False) from error
        for path in hidden_places(body):
            raise Rejected(
                f"the value of {'.'.join(path)} is not in the plan: it is secret, or not known yet",
                code="RC326",
                hint="Give it as a reference (`{env: NAME}`) in the manifest, then plan again.",
                sent=False,
            )
        return reveal(body, self._secret)

    def _must_be_free(self, change: ResourceChange, waiter: Waiter) -> None:
        """A PUT overwrites without a word (arm-webservices.md section 2), so nothing may be there."""
        try:
            self._read(change.address, change.identity, waiter.pause)
        except NotFound as error:
            if error.code == _GROUP_MISSING:
                raise
            return
        raise Conflict(
            f"{change.address} exists already; creating it would overwrite it, so nothing was sent",
            code="RC327",
            hint="Plan again: it will be planned as an update.",
            sent=False,
        )

    def _secret(self, reference: SecretRef) -> str:
        return self.secrets.resolve(reference).reveal()

    def _send(self, change: ResourceChange, step: Step, body: Any, pause: Pause) -> Answer:
        place, client = ids.parse(change.identity), self.client
        group, name = place.resource_group, place.name
        if step.id == "delete":
            delete = client.delete_plan if change.address.kind == PLAN else client.delete_service
            return delete(group, name, pause=pause)
        if (region := region_of(step.id)) is not None:
            return client.create_regional(group, name, region, pause=pause)
        if change.address.kind == PLAN:
            write = client.put_plan if step.id == "create" else client.patch_plan
        else:
            write = client.put_service if step.id == "create" else client.patch_service
        return write(group, name, body, pause=pause)


def _after_error(error: TargetError) -> Outcome:
    """A write that was not sent, or was refused, has failed; one without a clear answer (5xx too) may be done."""
    unclear = error.status is None or isinstance(error, Unavailable)
    return Outcome.UNKNOWN if error.sent and unclear else Outcome.FAILED


def _is_id(text: str) -> bool:
    try:
        ids.parse(text)
    except InvalidInput:
        return False
    return True


def _json(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, indent=2).encode()
