"""Resource ids of an Azure Machine Learning workspace: composing, canonical form, the short forms of `az ml`. Pure.

Ids compare without case: the server itself writes `resourcegroups/.../onlineendpoints` in one member and
`resourceGroups` in the next (azureml-v2.md section 1). Here one spelling stands for all.
"""

from __future__ import annotations

from typing import Final

from retrainctl.patterns import late

PROVIDER: Final = "Microsoft.MachineLearningServices"
ONLINE: Final = "onlineEndpoints"
BATCH: Final = "batchEndpoints"
DEPLOYMENTS: Final = "deployments"
PAIR: Final = "|"
"""Joins the names of the two deployments that a blue/green deployment alternates between."""
TRAFFIC: Final = "#traffic"
"""Ends the identity of an online endpoint's traffic maps."""
DEFAULT: Final = "#default"
"""Ends the identity of a batch endpoint's default deployment."""

_WORDS: Final = {
    word.casefold(): word
    for word in (
        *("subscriptions", "resourceGroups", "providers", "workspaces", "registries", "versions", "deployments"),
        *("models", "codes", "environments", "computes", "data", "datastores", ONLINE, BATCH, PROVIDER),
    )
}
_SHORT: Final = late(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+))?")
_VERSION: Final = late(r"(?P<scope>/.+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_REGISTRY: Final = late(r"azureml://registries/[^/]+/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")


def workspace(subscription: str, resource_group: str, name: str) -> str:
    """The id of a workspace."""
    return f"/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/{PROVIDER}/workspaces/{name}"


def endpoint(scope: str, collection: str, name: str) -> str:
    """The id of an endpoint in the workspace `scope`; `collection` is `onlineEndpoints` or `batchEndpoints`."""
    return f"{scope}/{collection}/{name}"


def deployment(scope: str, collection: str, name: str, *names: str) -> str:
    """The id of a deployment of endpoint `name`; of several names, of the one that alternates between them."""
    return f"{scope}/{collection}/{name}/{DEPLOYMENTS}/{PAIR.join(names)}"


def canonical(identity: str, scope: str) -> str:
    """An ARM id in our spelling; any other text as it is."""
    if not identity.startswith("/"):
        return identity
    if identity.casefold().startswith(f"{scope.casefold()}/"):
        identity = scope + identity[len(scope) :]
    parts = identity.split("/")
    parts[1::2] = [_WORDS.get(part.casefold(), part) for part in parts[1::2]]
    if len(parts) > 6 and parts[5] == "providers":
        parts[6] = _WORDS.get(parts[6].casefold(), parts[6])
    return "/".join(parts)


def asset(reference: str, scope: str, collection: str) -> str:
    """What a reference of `az ml` names: `azureml:n:v`, `azureml:/subscriptions/...`, a registry's address or an id."""
    text = reference.removeprefix("azureml:") if reference.startswith("azureml:/subscriptions/") else reference
    found = _SHORT.fullmatch(text)
    if found is None:
        return canonical(text, scope)
    version = found["version"]
    return f"{scope}/{collection}/{found['name']}" + ("" if version is None else f"/versions/{version}")


def model_version(identity: str) -> tuple[str, str] | None:
    """Name and version of a registered model, of a workspace or a registry; None for any other id."""
    found = _VERSION.fullmatch(identity) or _REGISTRY.fullmatch(identity)
    return None if found is None else (found["name"], found["version"])


def last(identity: str) -> str:
    """The name at the end of an id, without what marks a part of the resource."""
    return identity.partition("#")[0].rpartition("/")[2]


def owner(identity: str) -> str:
    """The id of the endpoint that an id belongs to: its own, or a deployment's."""
    return identity.partition("#")[0].partition(f"/{DEPLOYMENTS}/")[0]
