"""The ARM room: the gateway and its providers put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrainctl.emulator.arm import plans, serving
from retrainctl.emulator.arm.associations import Associations
from retrainctl.emulator.arm.gateway import Gateway
from retrainctl.emulator.arm.knobs import KNOBS
from retrainctl.emulator.arm.plans import Plans
from retrainctl.emulator.arm.seeding import Seeding
from retrainctl.emulator.arm.signin import SignIn
from retrainctl.emulator.arm.storageaccounts import StorageAccounts
from retrainctl.emulator.arm.webservices import WebServices
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route
from retrainctl.emulator.serving import Serving


class ArmRoom:
    """`https://management.azure.com` and its sign-in."""

    name = "arm"
    tables = plans.DDL
    knobs: tuple[Knob, ...] = KNOBS

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        self._gateway = Gateway(frame)
        self.plans = Plans(frame, self._gateway)
        self.associations = Associations(frame, self._gateway, self.plans)
        self.web_services = WebServices(frame, self._gateway, self.plans, self.associations)
        self._storage = StorageAccounts(frame, self._gateway)
        self._sign_in = SignIn(frame)
        self._seeding = Seeding(frame, self._gateway, self.plans, self.associations)

    def furnish(self) -> None:
        self._gateway.furnish()

    def routes(self) -> Iterable[Route]:
        yield from self._sign_in.routes()
        yield from self._gateway.routes()
        yield from self.plans.routes()
        yield from self.associations.routes()
        yield from self.web_services.routes()
        yield from self._storage.routes()

    def serving(self, flavour: str, scope: str, service: str) -> Serving | None:
        """As `serving.ServiceSource` asks."""
        return serving.serving(self._frame, flavour, scope, service)

    def used(self, owner: str, transactions: int, seconds: float) -> None:
        """As `serving.UsageMeter` says: noted on the plan that pays for the service, where there is one."""
        service = serving.owned(self._frame, owner)
        if service is not None:
            with self._frame.store.transaction():
                self.associations.add_usage(service.id, plans.TRANSACTIONS, transactions)
                self.associations.add_usage(service.id, plans.COMPUTE_HOURS, seconds / 3600)

    def sections(self) -> Mapping[str, Section]:
        return {"commitmentPlans": self._seeding.commitment_plans, "webServices": self._seeding.web_services}
