"""What a web service definition is made of, as one table.

Records list their members in the order in which the cmdlets write them (arm-webservices.md section 13.3, checked
against every recorded request body and the committed exports). Reading takes names and types from here, the exact
export takes the order, the normalising rules take the places where a null may stand.

Fixed member names are known in any capitalisation; the keys of maps (asset, node and column names ...) are data.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import Final, TypeAlias

from retrainctl.fastclass import dataclass


class Leaf(Enum):
    """Values without members that we know."""

    TEXT = "text"
    FLAG = "true or false"
    COUNT = "a whole number"
    MOMENT = "a date and time"
    PARAMETER = "a text, or an object with `value`"
    ANY = "anything"


@dataclass(frozen=True, eq=False)
class Record:
    """An object with fixed members, in writing order. Members that it does not list are kept as they come."""

    members: Mapping[str, Type]

    @cached_property
    def spelled(self) -> Mapping[str, str]:
        """Lower-case name -> the right spelling. The discriminator is not in it: its key must be exact (13.3)."""
        return {name.lower(): name for name in self.members if name != "packageType"}


@dataclass(frozen=True, slots=True, eq=False)
class MapOf:
    """An object whose member names are data."""

    of: Type


@dataclass(frozen=True, slots=True, eq=False)
class ListOf:
    """An array."""

    of: Type


Type: TypeAlias = Leaf | Record | MapOf | ListOf


def _record(**members: Type) -> Record:
    return Record(members)


_MODES: dict[str, Type] = {}
_MODULE_PARAMETER = _record(name=Leaf.TEXT, parameterType=Leaf.TEXT, modeValuesInfo=MapOf(Record(_MODES)))
_MODES.update(interfaceString=Leaf.TEXT, parameters=ListOf(_MODULE_PARAMETER))

_LOCATION = _record(uri=Leaf.TEXT, credentials=Leaf.TEXT)
_PORTS = MapOf(_record(type=Leaf.TEXT))

PARAMETER: Final = _record(value=Leaf.ANY, certificateThumbprint=Leaf.TEXT)
"""A parameter in the 2017 form; the 2016 form is the bare text."""

ASSET: Final = _record(
    name=Leaf.TEXT,
    id=Leaf.TEXT,
    type=Leaf.TEXT,
    locationInfo=_LOCATION,
    inputPorts=_PORTS,
    outputPorts=_PORTS,
    metadata=MapOf(Leaf.TEXT),
    parameters=ListOf(_MODULE_PARAMETER),
)

COLUMN: Final = Record(
    {
        "type": Leaf.TEXT,
        "format": Leaf.TEXT,
        "enum": ListOf(Leaf.ANY),
        "x-ms-isnullable": Leaf.FLAG,
        "x-ms-isordered": Leaf.FLAG,
    }
)

TABLE: Final = _record(
    title=Leaf.TEXT, description=Leaf.TEXT, type=Leaf.TEXT, format=Leaf.TEXT, properties=MapOf(COLUMN)
)

PORT_SET: Final = _record(title=Leaf.TEXT, description=Leaf.TEXT, type=Leaf.TEXT, properties=MapOf(TABLE))

PACKAGE: Final = _record(
    nodes=MapOf(
        _record(assetId=Leaf.TEXT, inputId=Leaf.TEXT, outputId=Leaf.TEXT, parameters=MapOf(Leaf.PARAMETER)),
    ),
    edges=ListOf(
        _record(sourceNodeId=Leaf.TEXT, sourcePortId=Leaf.TEXT, targetNodeId=Leaf.TEXT, targetPortId=Leaf.TEXT),
    ),
    graphParameters=MapOf(
        _record(
            description=Leaf.TEXT,
            type=Leaf.TEXT,
            links=ListOf(_record(nodeId=Leaf.TEXT, parameterKey=Leaf.TEXT)),
        ),
    ),
)

PROPERTIES: Final = _record(
    packageType=Leaf.TEXT,
    package=PACKAGE,
    title=Leaf.TEXT,
    description=Leaf.TEXT,
    createdOn=Leaf.MOMENT,
    modifiedOn=Leaf.MOMENT,
    provisioningState=Leaf.TEXT,
    keys=_record(primary=Leaf.TEXT, secondary=Leaf.TEXT),
    readOnly=Leaf.FLAG,
    swaggerLocation=Leaf.TEXT,
    exposeSampleData=Leaf.FLAG,
    realtimeConfiguration=_record(maxConcurrentCalls=Leaf.COUNT),
    diagnostics=_record(level=Leaf.TEXT, expiry=Leaf.MOMENT),
    storageAccount=_record(name=Leaf.TEXT, key=Leaf.TEXT),
    machineLearningWorkspace=_record(id=Leaf.TEXT),
    commitmentPlan=_record(id=Leaf.TEXT),
    input=PORT_SET,
    output=PORT_SET,
    exampleRequest=_record(inputs=MapOf(ListOf(Leaf.ANY)), globalParameters=MapOf(Leaf.ANY)),
    assets=MapOf(ASSET),
    parameters=MapOf(Leaf.PARAMETER),
    payloadsInBlobStorage=Leaf.FLAG,
    payloadsLocation=_LOCATION,
)

WEB_SERVICE: Final = _record(
    properties=PROPERTIES, id=Leaf.TEXT, name=Leaf.TEXT, location=Leaf.TEXT, type=Leaf.TEXT, tags=MapOf(Leaf.TEXT)
)

COMMITMENT_PLAN: Final = _record(
    id=Leaf.TEXT,
    name=Leaf.TEXT,
    location=Leaf.TEXT,
    type=Leaf.TEXT,
    tags=MapOf(Leaf.TEXT),
    etag=Leaf.TEXT,
    properties=MapOf(Leaf.ANY),
    sku=_record(capacity=Leaf.COUNT, name=Leaf.TEXT, tier=Leaf.TEXT),
)
