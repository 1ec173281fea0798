"""Where web services can live (provider GET and `swaggerLocation` of the recordings of 2017-04-26)."""

from __future__ import annotations

from typing import Final

REGIONS: Final = (
    "South Central US",
    "West Europe",
    "Southeast Asia",
    "Japan East",
    "East US 2",
    "West Central US",
)

HOST_PREFIXES: Final = {
    "southcentralus": "ussouthcentral",
    "westeurope": "europewest",
    "southeastasia": "asiasoutheast",
    "japaneast": "japaneast",
    "eastus2": "useast2",
    "westcentralus": "uswestcentral",
}

_BY_SLUG: Final = {region.replace(" ", "").lower(): region for region in REGIONS}


def slug(location: str) -> str:
    """`South Central US` -> `southcentralus`: locations compare in this form."""
    return location.replace(" ", "").lower()


def display(location: str) -> str | None:
    """The spelling that a web service's GET shows, or None for a region without the provider."""
    return _BY_SLUG.get(slug(location))
