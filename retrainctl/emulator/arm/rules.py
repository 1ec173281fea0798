"""What the web service provider refuses, and with which code.

Codes in the tables of section 11 are evidenced; those marked (guess) are named after the error catalogue of the data
plane or after the rule they state.
"""

from __future__ import annotations

import re
from typing import Any

from retrainctl.emulator.arm.definition import CURRENT, misformed_parameter
from retrainctl.emulator.arm.dialect import bad_request
from retrainctl.emulator.arm.regions import REGIONS, display, slug
from retrainctl.emulator.clock import parse_moment
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.resources import Resource

_BAD_NAME = re.compile(r"[<>*%&:?+/\\]| $")


def check_name(name: str) -> None:
    """1 to 260 characters, none of the forbidden ones (ARM template reference)."""
    if not name or len(name) > 260 or _BAD_NAME.search(name):
        raise Refusal(400, "InvalidResourceName", f"The provided resource name '{name}' is invalid.", gateway=True)


def check_location(given: Any, existing: Resource | None) -> str:
    """The displayed form of the location of a PUT."""
    if not isinstance(given, str) or not given:
        raise Refusal(400, "LocationRequired", "The location property is required for this definition.", gateway=True)
    if existing is not None and slug(existing.head["location"]) != slug(given):
        raise Refusal(
            409,
            "InvalidResourceLocation",
            f"The resource '{existing.name}' already exists in location '{slug(existing.head['location'])}' in "
            f"resource group '{existing.group}'. A resource with the same name cannot be created in location "
            f"'{slug(given)}'.",
            gateway=True,
        )
    if existing is not None:
        return str(existing.head["location"])
    shown = display(given)
    if shown is None:
        raise Refusal(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{given}' is not available for resource type "
            "'Microsoft.MachineLearning/webServices'."
            f" List of available regions for the resource type is '{','.join(slug(region) for region in REGIONS)}'.",
            gateway=True,
        )
    return shown


def check_properties(properties: dict[str, Any], version: str, now: float) -> None:
    """The rules that hold for every write, full or partial."""
    _check_shapes(properties)
    if properties.get("packageType", "Graph") != "Graph":
        raise bad_request("WebServiceTypeInvalid", "The only supported package type is Graph.")
    for name, asset in properties.get("assets", {}).items():
        _check_asset(name, asset)
    if (name := misformed_parameter(properties, version)) is not None:
        wanted = "an object with value and certificateThumbprint" if version == CURRENT else "a string"
        raise bad_request("WebServicePackageError", f"FormatError: the parameter '{name}' must be {wanted}.")
    _check_concurrency(properties.get("realtimeConfiguration", {}).get("maxConcurrentCalls", 20))
    _check_diagnostics(properties.get("diagnostics"), now)


def _check_shapes(properties: dict[str, Any]) -> None:
    """A member of the wrong JSON type is a malformed request."""
    mappings = ("assets", "input", "output", "package", "parameters", "exampleRequest", "keys", "storageAccount")
    for name in (*mappings, "commitmentPlan", "machineLearningWorkspace", "realtimeConfiguration", "diagnostics"):
        if name in properties and not isinstance(properties[name], dict):
            raise bad_request("RequestBodyInvalid", f"The member '{name}' must be an object.")
    for name in ("title", "description"):
        if name in properties and not isinstance(properties[name], str):
            raise bad_request("RequestBodyInvalid", f"The member '{name}' must be a string.")
    for name in ("readOnly", "exposeSampleData"):
        if name in properties and not isinstance(properties[name], bool):
            raise bad_request("RequestBodyInvalid", f"The member '{name}' must be a boolean.")


def _check_asset(name: str, asset: Any) -> None:
    location = asset.get("locationInfo") if isinstance(asset, dict) else None
    whole = isinstance(location, dict) and bool(location.get("uri")) and bool(asset.get("name"))
    if not whole or asset.get("type") not in ("Module", "Resource"):
        raise bad_request(
            "WebServicePackageError",
            f"ValidationError: the asset '{name}' needs a name, a type (Module, Resource) and a locationInfo with uri.",
        )


def _check_concurrency(calls: Any) -> None:
    if not isinstance(calls, int) or calls < 4:
        raise bad_request(
            "WebServiceConcurrentRequestRequirementInvalid", "The number of concurrent calls must be from 4 to 200."
        )
    if calls > 200:
        raise bad_request(
            "WebServiceTooManyConcurrentRequestRequirement", "The number of concurrent calls must be from 4 to 200."
        )


def _check_diagnostics(diagnostics: Any, now: float) -> None:
    if diagnostics is None:
        return
    if diagnostics.get("level") not in ("None", "Error", "All"):
        raise bad_request("IncompleteSettings", "The diagnostics level is None, Error or All.")
    if (expiry := diagnostics.get("expiry")) is not None:
        try:
            moment = parse_moment(expiry)
        except (TypeError, ValueError):
            raise bad_request("IncompleteSettings", "The diagnostics expiry is not a date.") from None
        if moment <= now:
            raise bad_request("ExpiryTimeInThePast", "The diagnostics expiry time is in the past.")


def check_put(properties: dict[str, Any], existing: Resource | None, *, storage_may_change: bool) -> None:
    """What a PUT must carry, and may not change."""
    if "packageType" not in properties:
        raise bad_request("WebServiceTypeInvalid", "The packageType is missing.")
    keys = properties.get("keys")
    if keys is not None and not (keys.get("primary") and keys.get("secondary")):
        raise bad_request("MissingKeys", "Both the primary and the secondary key must be given.")
    if existing is not None:
        _check_fixed(properties, existing, storage_may_change=storage_may_change)


def check_complete(properties: dict[str, Any]) -> None:
    """What only a creation needs (section 4.2, column req); the codes are a guess."""
    account = properties.get("storageAccount", {})
    if not account.get("name") or not account.get("key"):
        raise bad_request("StorageAccountRequired", "A storage account with name and key is required.")
    if not properties.get("commitmentPlan", {}).get("id"):
        raise bad_request("CommitmentPlanRequired", "A commitment plan id is required.")


def check_patch(body: dict[str, Any], properties: dict[str, Any], existing: Resource, *, package_type: bool) -> None:
    """What a PATCH may not change (section 6)."""
    if package_type and "properties" in body and "packageType" not in properties:
        raise bad_request("WebServiceTypeInvalid", "The packageType is missing.")
    location = body.get("location")
    if location is not None and slug(str(location)) != slug(existing.head["location"]):
        raise bad_request("CannotChangeLocation", "The location cannot be changed.")  # (guess)
    _check_fixed(properties, existing, storage_may_change=False)


def _check_fixed(properties: dict[str, Any], existing: Resource, *, storage_may_change: bool) -> None:
    current = existing.head["properties"].get("storageAccount", {}).get("name")
    wished = properties.get("storageAccount", {}).get("name")
    if current and wished and current.lower() != wished.lower() and not storage_may_change:
        raise bad_request(
            "CannotChangeStorageAccount",
            f"The StorageAccount cannot be changed. Currently configured storage account name = '{current}'",
        )
    plan = existing.secret.get("commitmentPlan")
    wished_plan = properties.get("commitmentPlan", {}).get("id")
    if plan and wished_plan and plan.lower() != wished_plan.lower():
        raise bad_request(  # (guess)
            "CannotChangeCommitmentPlan", "The commitment plan cannot be changed. Move the association instead."
        )


def check_writable(existing: Resource) -> None:
    """A read-only service takes nothing but DELETE (section 4.2); the code is a guess."""
    if existing.head["properties"].get("readOnly") is True:
        raise bad_request("WebServiceReadOnly", f"The web service '{existing.name}' is read-only.")
