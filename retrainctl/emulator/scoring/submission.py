"""What a batch request asks for, checked as the service checked it before it gave a job id (classic-api.md 5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.blob import access
from retrainctl.emulator.blob.address import BlobAddress, join, parse_uri
from retrainctl.emulator.blob.shelf import Shelf
from retrainctl.emulator.blob.signature import equal, sas_members
from retrainctl.emulator.exchange import Refusal
from retrainctl.emulator.identity import account_key
from retrainctl.emulator.scoring import parameters
from retrainctl.emulator.scoring.dialect import bad_argument, invalid_operation
from retrainctl.emulator.serving import Serving
from retrainctl.emulator.training.graph import Graph

_DATA: Final = (".csv", ".tsv", ".arff")
_MODEL: Final = (".ilearner",)
DEFAULT_CONTAINER: Final = "experimentoutput"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request without its secrets: blob addresses by port, and the web service parameters."""

    inputs: Mapping[str, BlobAddress]
    outputs: Mapping[str, BlobAddress]
    parameters: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "inputs": {port: _plain(address) for port, address in self.inputs.items()},
            "outputs": {port: _plain(address) for port, address in self.outputs.items()},
            "parameters": dict(self.parameters),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Wish:
        return cls(
            inputs={port: _address(item) for port, item in value["inputs"].items()},
            outputs={port: _address(item) for port, item in value["outputs"].items()},
            parameters=value["parameters"],
        )


class Submission:
    """Reads requests; `free_containers`: an output may name a container that does not exist yet."""

    def __init__(self, shelf: Shelf, now: float, *, free_containers: bool) -> None:
        self._shelf = shelf
        self._now = now
        self._free_containers = free_containers

    def read(self, body: dict[str, Any], serving: Serving, graph: Graph) -> Wish:
        """The wish of a request.

        Raises:
            Refusal: 400 with the detail code of the catalogue.
        """
        given = parameters.check(graph, body.get("GlobalParameters"))
        inputs = self._inputs(body, list(graph.inputs))
        outputs = self._outputs(body.get("Outputs"), serving, graph)
        return Wish(inputs=inputs, outputs=outputs, parameters=given)

    def _inputs(self, body: dict[str, Any], ports: list[str]) -> dict[str, BlobAddress]:
        one, several = body.get("Input"), body.get("Inputs")
        if one is not None and several:
            raise bad_argument("BatchJobInputsTooManySpecified", "Specify either Input or Inputs, not both.")
        if one is not None:
            if len(ports) > 1:
                raise invalid_operation("MultipleInputsNotAllowed", "The service has several inputs: use Inputs.")
            if not ports:
                raise bad_argument("InvalidInputNames", "The service has no input.")
            several = {ports[0]: one}
        if several is None:
            several = {}
        if not isinstance(several, dict):
            raise bad_argument("RequestBodyInvalid", "Inputs must be an object.")
        if any(name not in ports for name in several):
            raise bad_argument("InvalidInputNames", "Invalid service input name(s) specified in the request")
        if lacking := [name for name in ports if several.get(name) is None]:
            raise bad_argument("BatchJobInputsNotSpecified", f"No input was specified for {', '.join(lacking)}.")
        return {port: self._input(port, several[port]) for port in ports}

    def _input(self, port: str, given: Any) -> BlobAddress:
        address = self._located(port, given, writing=False)
        _check_extension(address, _DATA)
        if self._shelf.blob(address.account, address.container, address.name) is None:
            raise bad_argument("BlobNotFound", f"The blob reference {address.path} of {port} could not be found.")
        return address

    def _outputs(self, given: Any, serving: Serving, graph: Graph) -> dict[str, BlobAddress]:
        wishes = {} if given is None else given
        if not isinstance(wishes, dict):
            raise bad_argument("RequestBodyInvalid", "Outputs must be an object.")
        if unknown := [name for name in wishes if name not in graph.outputs]:
            raise bad_argument("InvalidOutputOverrideName", f"Invalid output override name(s): {', '.join(unknown)}.")
        found: dict[str, BlobAddress] = {}
        for port in graph.outputs:
            extensions = _MODEL if graph.delivers_model(port) else _DATA
            if wishes.get(port) is None:
                name = uuid4().hex
                found[port] = BlobAddress(
                    account=serving.account, container=DEFAULT_CONTAINER, name=f"{name}/{name}{extensions[0]}"
                )
                continue
            address = self._located(port, wishes[port], writing=True)
            _check_extension(address, extensions)
            self._check_container(address)
            found[port] = address
        if len({(one.account, one.path) for one in found.values()}) != len(found):
            raise bad_argument("InvalidBlob", "Two outputs cannot be written to the same blob.")
        return found

    def _check_container(self, address: BlobAddress) -> None:
        if self._free_containers or self._shelf.container(address.account, address.container) is not None:
            return
        raise bad_argument(
            "ContainerValidationFailed", f"The container {address.container} could not be validated: it does not exist."
        )

    def _located(self, port: str, given: Any, *, writing: bool) -> BlobAddress:
        """The address in a blob reference; credentials in it must be good for this."""
        if not isinstance(given, dict):
            raise bad_argument("MissingInputBlobInformation", f"The blob reference of {port} must be an object.")
        path = given.get("RelativeLocation")
        if not isinstance(path, str) or not path.strip("/"):
            raise bad_argument("InputBlobRelativeLocationInvalid", f"The RelativeLocation of {port} is missing.")
        if given.get("ConnectionString"):
            account, sas = _connection(str(given["ConnectionString"]), port)
            address = join(account, path, sas)
        elif given.get("BaseLocation"):
            token = str(given.get("SasBlobToken") or "").removeprefix("?")
            address = parse_uri(f"{str(given['BaseLocation']).rstrip('/')}/{path.lstrip('/')}?{token}")
        else:
            raise bad_argument(
                "MissingInputBlobInformation",
                f"{port} needs a ConnectionString, or BaseLocation and SasBlobToken.",
            )
        if address is None:
            raise bad_argument("InvalidBlob", f"The blob reference {path} of {port} is invalid.")
        if not given.get("ConnectionString") or address.sas:
            self._check_access(address, port, writing=writing)
        return BlobAddress(account=address.account, container=address.container, name=address.name)

    def _check_access(self, address: BlobAddress, port: str, *, writing: bool) -> None:
        try:
            if address.sas:
                members = sas_members(address.sas)
                allowed = access.sas_access(members, address.account, address.container, address.name, self._now)
            else:
                allowed = access.anonymous_access(self._shelf.container(address.account, address.container))
            allowed.require("object", "wc" if writing else "r")
        except Refusal as refusal:
            detail = refusal.details[0][1] if refusal.details else refusal.message
            code = "ExpiryTimeInThePast" if "time frame" in detail else "InvalidBlob"
            raise bad_argument(code, f"The blob reference {address.path} of {port} cannot be used: {detail}") from None


def _connection(text: str, port: str) -> tuple[str, str]:
    """Account and signature (or "") of a connection string whose key is right."""
    members = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    account, key = members.get("AccountName", ""), members.get("AccountKey", "")
    if not account and members.get("BlobEndpoint"):
        account = members["BlobEndpoint"].split("://")[-1].split(".")[0]
    if account and members.get("SharedAccessSignature"):
        return account, members["SharedAccessSignature"]
    if not account or not any(equal(key, account_key(account, number)) for number in (1, 2)):
        why = "it names no account" if not account else f"the key is not that of the account {account}"
        raise bad_argument("InvalidBlobConnectionString", f"The connection string of {port} is invalid: {why}.")
    return account, ""


def _check_extension(address: BlobAddress, supported: tuple[str, ...]) -> None:
    """Worded as a recorded refusal (errors/adf-2600.file-extension.json)."""
    if address.name.lower().endswith(supported):
        return
    raise bad_argument(
        "InvalidBlobExtension",
        f"The blob reference: {address.path} has an invalid or missing file extension. Supported file extensions for "
        f'this output type are: "{", ".join(supported)}".',
    )


def _plain(address: BlobAddress) -> list[str]:
    return [address.account, address.container, address.name]


def _address(value: list[str]) -> BlobAddress:
    account, container, name = value
    return BlobAddress(account=account, container=container, name=name)
