"""One method per operation of the two resource types, and nothing more: no planning, no comparing.

Reads and writes by id go through `Pipeline.call` and not through azure-mgmt-resource's generic client: that one turns
answers into models and hides headers, but the recorded service needs both as they are (the operation's address and
request id in headers, sparse lists, members that no model knows; arm-webservices.md sections 2, 3 and 10), and its
pager follows `nextLink` to any host. For what Azure Resource Manager itself owns, resource groups and providers, the
generic client is used, over the same policies (`generic`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.values import MISSING, Json, JsonObject, Missing, Secret
from retrainctl.ports import NotFound, Performed, Rejected, Unavailable, Waiter
from retrainctl.targets.arm.ids import PLAN_VERSION
from retrainctl.targets.arm.operations import Operations, Patience
from retrainctl.targets.azure.bucket import Pause
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.hosts import origin_of
from retrainctl.targets.azure.pipeline import Answer, Pipeline

if TYPE_CHECKING:
    from azure.mgmt.resource.resources import ResourceManagementClient

PROVIDER: Final = "Microsoft.MachineLearning"
_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKeys:
    """The two keys of a web service."""

    primary: Secret
    secondary: Secret


class ArmClient:
    """The calls of one subscription on one management host."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        endpoint: str,
        subscription: str,
        auth: Auth,
        api_version: str = "2017-01-01",
        patience: Patience | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.endpoint = endpoint.rstrip("/")
        self.subscription = subscription
        self.api_version = api_version
        self._auth = auth
        self.operations = Operations(
            endpoint=self.endpoint,
            api_version=api_version,
            clock=pipeline.clock,
            get=lambda url, what, waiter: self._call("GET", url, what=what, pause=waiter.pause),
            clean=pipeline.redactor.clean,
            patience=patience,
        )

    # Web services (arm-webservices.md section 2)

    def get_service(
        self, group: str, name: str, *, region: str | None = None, pause: Pause | None = None
    ) -> JsonObject:
        """The full definition. With `region`, encrypted parameters are those of that region (section 9)."""
        url = self.service_url(group, name, **({"region": region} if region else {}))
        return self._call("GET", url, what=f'read web service "{name}"', pause=pause).object()

    def list_services(self, group: str | None = None) -> Iterator[JsonObject]:
        """Every service of the group, else of the subscription. Items are sparse: get each by name (section 5)."""
        return self._pages(self._collection("webServices", group, self.api_version), "list web services")

    def put_service(self, group: str, name: str, body: Json, *, pause: Pause | None = None) -> Answer:
        """Starts a creation. An existing service would be overwritten without a word: look first."""
        return self._write("PUT", self.service_url(group, name), f'create web service "{name}"', body, pause)

    def patch_service(self, group: str, name: str, body: Json, *, pause: Pause | None = None) -> Answer:
        """Starts an update of what `body` holds."""
        return self._write("PATCH", self.service_url(group, name), f'update web service "{name}"', body, pause)

    def delete_service(self, group: str, name: str, *, pause: Pause | None = None) -> Answer:
        """Starts a deletion; also taken (202) for a service that does not exist."""
        return self._write("DELETE", self.service_url(group, name), f'delete web service "{name}"', MISSING, pause)

    def create_regional(self, group: str, name: str, region: str, *, pause: Pause | None = None) -> Answer:
        """Starts making the region's copy of the encrypted parameters (2017-01-01 only); once per region."""
        url = self.service_url(group, f"{name}", below="/CreateRegionalBlob", region=region)
        return self._write("POST", url, f'create regional properties of "{name}" for {region}', MISSING, pause)

    def list_keys(self, group: str, name: str) -> ServiceKeys:
        """The keys; the redactor learns them. A GET, against the custom of Azure Resource Manager."""
        url = self.service_url(group, name, below="/listKeys")
        found = self._call("GET", url, what=f'read the keys of web service "{name}"').object()
        keys = ServiceKeys(
            primary=Secret(str(found.get("primary") or "")), secondary=Secret(str(found.get("secondary") or ""))
        )
        self.pipeline.redactor.learn(keys.primary)
        self.pipeline.redactor.learn(keys.secondary)
        return keys

    def finish(self, start: Answer, group: str, name: str, waiter: Waiter) -> Performed:
        """Waits for the result of what `start` began on a web service."""
        deletion = start.method == "DELETE"
        return self.operations.finish(start, self.service_url(group, name), waiter, deletion=deletion)

    def provider_operations(self) -> tuple[JsonObject, ...]:
        """What the provider can be asked for, with display names."""
        url = self._url(f"/providers/{PROVIDER}/operations", self.api_version)
        return tuple(self._pages(url, "list the provider's operations"))

    # Commitment plans (section 12): synchronous, one api-version

    def get_plan(self, group: str, name: str, *, pause: Pause | None = None) -> JsonObject:
        return self._call(
            "GET", self.plan_url(group, name), what=f'read commitment plan "{name}"', pause=pause
        ).object()

    def list_plans(self, group: str | None = None, *, pause: Pause | None = None) -> Iterator[JsonObject]:
        """Every plan of the group, else of the subscription; the cmdlet shows the first page only."""
        return self._pages(self._collection("commitmentPlans", group, PLAN_VERSION), "list commitment plans", pause)

    def put_plan(self, group: str, name: str, body: Json, *, pause: Pause | None = None) -> Answer:
        """Creates a plan; an existing one would be overwritten."""
        return self._write("PUT", self.plan_url(group, name), f'create commitment plan "{name}"', body, pause)

    def patch_plan(self, group: str, name: str, body: Json, *, pause: Pause | None = None) -> Answer:
        """Changes `sku` and `tags`, nothing else. A `sku` without `capacity` may scale the plan down to 1."""
        return self._write("PATCH", self.plan_url(group, name), f'update commitment plan "{name}"', body, pause)

    def delete_plan(self, group: str, name: str, *, pause: Pause | None = None) -> Answer:
        return self._write("DELETE", self.plan_url(group, name), f'delete commitment plan "{name}"', MISSING, pause)

    def list_associations(self, group: str, plan: str, *, pause: Pause | None = None) -> Iterator[JsonObject]:
        """The services that are billed to the plan (`properties.associatedResourceId`)."""
        url = self.plan_url(group, plan, below="/commitmentAssociations")
        return self._pages(url, f'list what commitment plan "{plan}" pays for', pause)

    def get_association(self, group: str, plan: str, name: str, *, pause: Pause | None = None) -> JsonObject:
        url = self.plan_url(group, plan, below=f"/commitmentAssociations/{quote(name, safe='')}")
        what = f'read association "{name}" of commitment plan "{plan}"'
        return self._call("GET", url, what=what, pause=pause).object()

    def move_association(
        self, group: str, plan: str, name: str, destination: str, *, pause: Pause | None = None
    ) -> JsonObject:
        """Bills an existing service to another plan, given by its id: the only way to change a service's plan."""
        url = self.plan_url(group, plan, below=f"/commitmentAssociations/{quote(name, safe='')}/move")
        what = f'move association "{name}" of commitment plan "{plan}"'
        return self._write("POST", url, what, {"destinationPlanId": destination}, pause).object()

    def plan_usage(self, group: str, plan: str) -> Iterator[JsonObject]:
        """Usage records of a plan, every page."""
        url = self.plan_url(group, plan, below="/usageHistory")
        return self._pages(url, f'read the usage of commitment plan "{plan}"')

    def skus(self) -> tuple[JsonObject, ...]:
        """The catalogue of plan sizes."""
        url = self._url(f"/subscriptions/{quote(self.subscription)}/providers/{PROVIDER}/skus", PLAN_VERSION)
        return tuple(self._pages(url, "list the sizes of commitment plans"))

    # Azure Resource Manager itself, by its own client

    @cached_property
    def generic(self) -> ResourceManagementClient:
        """azure-mgmt-resource's client over our policies and transport; call it inside `pipeline.told(...)`."""
        from azure.mgmt.resource.resources import ResourceManagementClient

        return ResourceManagementClient(
            credential=_Unused(),
            subscription_id=self.subscription,
            base_url=self.endpoint,
            policies=self.pipeline.policies(self._auth),
            transport=self.pipeline.transport,
        )

    def group_location(self, group: str) -> str | None:
        """Where a resource group is; None when there is none of that name."""
        try:
            with self.pipeline.told(f'read resource group "{group}"'):
                return str(self.generic.resource_groups.get(group).location)
        except NotFound as error:
            if error.service_code == "ResourceGroupNotFound":
                return None
            raise

    def regions(self, resource_type: str = "webServices") -> tuple[str, ...]:
        """Where the provider offers a resource type; empty when it is not registered or offers nothing."""
        with self.pipeline.told(f"read what {PROVIDER} offers"):
            provider = self.generic.providers.get(PROVIDER)
        wanted = resource_type.casefold()
        return tuple(
            str(location)
            for kind in provider.resource_types or ()
            if (kind.resource_type or "").casefold() == wanted
            for location in kind.locations or ()
        )

    def permissions(self, group: str) -> tuple[JsonObject, ...]:
        """What the signed-in identity may do in a resource group: objects with `actions` and `notActions`."""
        url = self._url(f"{self._group(group)}/providers/Microsoft.Authorization/permissions", "2022-04-01")
        return tuple(self._pages(url, f'read the permissions in resource group "{group}"'))

    # Addresses

    def service_url(self, group: str, name: str, *, below: str = "", **query: str) -> str:
        path = f"{self._group(group)}/providers/{PROVIDER}/webServices/{quote(name, safe='')}{below}"
        return self._url(path, self.api_version, **query)

    def plan_url(self, group: str, name: str, *, below: str = "") -> str:
        path = f"{self._group(group)}/providers/{PROVIDER}/commitmentPlans/{quote(name, safe='')}{below}"
        return self._url(path, PLAN_VERSION)

    def _group(self, group: str) -> str:
        return f"/subscriptions/{quote(self.subscription, safe='')}/resourceGroups/{quote(group, safe='')}"

    def _collection(self, kind: str, group: str | None, version: str) -> str:
        base = f"/subscriptions/{quote(self.subscription, safe='')}" if group is None else self._group(group)
        return self._url(f"{base}/providers/{PROVIDER}/{kind}", version)

    def _url(self, path: str, version: str, **query: str) -> str:
        return f"{self.endpoint}{path}?{urlencode({'api-version': version, **query}, quote_via=quote)}"

    # Calls

    def _call(
        self,
        method: str,
        url: str,
        *,
        what: str,
        body: Json | Missing = MISSING,
        pause: Pause | None = None,
        address: Address | None = None,
    ) -> Answer:
        return self.pipeline.call(method, url, what=what, auth=self._auth, body=body, pause=pause, address=address)

    def _write(self, method: str, url: str, what: str, body: Json | Missing, pause: Pause | None) -> Answer:
        return self._call(method, url, what=what, body=body, pause=pause)

    def _pages(self, url: str, what: str, pause: Pause | None = None) -> Iterator[JsonObject]:
        """The items of every page. A `nextLink` on our host is followed as it is; of any other only the token is taken
        (arm-webservices.md section 10: the cmdlets repeat the first call with `$skiptoken`)."""
        following: str | None = url
        seen: set[str] = set()
        while following is not None:
            if following in seen or len(seen) >= _PAGES:
                raise Unavailable(
                    f"cannot {what}: the service names the same page as the next one again and again", code="RC321"
                )
            seen.add(following)
            page = self._call("GET", following, what=what, pause=pause).object()
            items = page.get("value")
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    yield item
            link = page.get("nextLink")
            following = self._next(url, link) if isinstance(link, str) and link else None

    def _next(self, first: str, link: str) -> str:
        try:
            if origin_of(link) == origin_of(self.endpoint):
                return link
        except Rejected:
            pass
        tokens = {name.lower(): values for name, values in parse_qs(urlsplit(link).query.replace("+", "%2B")).items()}
        token = tokens.get("$skiptoken")
        if not token:
            raise Unavailable(
                "the list goes on at an address that is not on this host and has no $skiptoken; it is not followed",
                code="RC321",
            )
        return f"{first}&{urlencode({'$skiptoken': token[0]}, quote_via=quote, safe='$')}"


class _Unused:
    """Stands where azure-mgmt-resource wants a credential; ours is in the policies."""

    def get_token(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("the policies of the pipeline authenticate, not the client")
