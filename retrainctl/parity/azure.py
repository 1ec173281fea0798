"""`Az.MachineLearning`: New web services and commitment plans (arm-webservices.md 13.1 and 13.2)."""

from __future__ import annotations

from typing import Final

from retrainctl.parity.entry import NOT_REPRODUCED, Cmdlet, Parameter

MODULE: Final = "Az.MachineLearning"

_PROFILE: Final = Parameter("DefaultProfile", "--env", "An environment of the project says which subscription.")
_GROUP: Final = Parameter("ResourceGroupName", "--resource-group", "Default: the environment's resource group.")
_NAME: Final = Parameter("Name", "NAME")
_FORCE: Final = Parameter("Force", "--yes", switch=True)
_WHAT_IF: Final = Parameter("WhatIf", "--what-if", "Shows method, path and body of every request.", switch=True)
_CONFIRM: Final = Parameter(
    "Confirm", "--yes", "Every write asks unless --yes; a pipeline that cannot answer needs it.", switch=True, value="-"
)
_ASKS: Final = (_FORCE, _WHAT_IF, _CONFIRM, _PROFILE)
_SHOULD: Final = (_WHAT_IF, _CONFIRM, _PROFILE)
_OBJECT: Final = f"{NOT_REPRODUCED}a command line passes no objects; give the name, or an exported file"
_BY_FILE: Final = "A JSON file that holds only this member of the definition."


def _piped(name: str) -> Parameter:
    return Parameter(name, "", _OBJECT)


def _by_file(name: str) -> Parameter:
    return Parameter(name, "--definition", _BY_FILE)


_SERVICES: Final = (
    Cmdlet(
        "Get-AzMlWebService",
        MODULE,
        "webservice list",
        (
            Parameter("ResourceGroupName", "--resource-group", "Not given: list shows the whole subscription."),
            Parameter("Name", "NAME", "Without a resource group the environment's one counts.", "webservice get"),
            Parameter("Region", "--region", "Refused where it would be ignored: when listing.", "webservice get"),
            _PROFILE,
        ),
        "Follows all pages.",
        {"Name": "webservice get"},
    ),
    Cmdlet(
        "Get-AzMlWebServiceKey",
        MODULE,
        "webservice keys",
        (_GROUP, _NAME, _piped("MlWebService"), _PROFILE),
        "Shown only when --show says so.",
        aliases=("Get-AzMlWebServiceKeys",),
    ),
    Cmdlet(
        "New-AzMlWebService",
        MODULE,
        "webservice create",
        (
            _GROUP,
            Parameter("Location", "--location", "Counts in every form; the cmdlet ignores it for a definition object."),
            _NAME,
            Parameter(
                "DefinitionFile",
                "--definition",
                "Relative to the current folder. A plan keeps no ciphertext: an encrypted parameter gets its value as "
                "`{env: NAME}`.",
            ),
            Parameter("NewWebServiceDefinition", "", _OBJECT),
            *_ASKS,
        ),
        "Refuses a name that exists in place of overwriting it silently.",
    ),
    Cmdlet(
        "Update-AzMlWebService",
        MODULE,
        "webservice update",
        (
            _GROUP,
            _NAME,
            Parameter("Title", "--title"),
            Parameter("Description", "--description"),
            Parameter("IsReadOnly", "--read-only", "Sent only when given.", switch=True),
            Parameter("Keys", "--primary-key", "And --secondary-key; each a reference, never the key itself."),
            Parameter(
                "StorageAccountKey",
                "--storage-key",
                "A reference (env:NAME, file:PATH, keyVault:V/SECRET), never the key itself.",
            ),
            Parameter("Diagnostics", "--diagnostics", "And --diagnostics-expiry, in place of an object."),
            Parameter("RealtimeConfiguration", "--max-concurrent-calls", "Its one member, in place of an object."),
            _by_file("Assets"),
            _by_file("Input"),
            _by_file("Output"),
            _by_file("Parameters"),
            _by_file("Package"),
            Parameter("ServiceUpdates", "--definition", "A file in place of the object."),
            *_ASKS,
        ),
        "Sends only what is given; nothing given is a usage error, no silent no-op. Verified afterwards.",
    ),
    Cmdlet(
        "Remove-AzMlWebService",
        MODULE,
        "webservice remove",
        (_GROUP, _NAME, _piped("MlWebService"), *_ASKS),
        "Looks first: a service that is not there is an error.",
    ),
    Cmdlet(
        "Export-AzMlWebService",
        MODULE,
        "webservice export",
        (
            Parameter("WebService", "NAME", "Reads the live service by its name."),
            Parameter("OutputFile", "--out"),
            Parameter("ToJsonString", "--out", "Without --out the JSON goes to stdout.", switch=True, value="-"),
            Parameter("Force", "--out", "A file that exists is replaced, whole or not at all.", switch=True, value="-"),
            Parameter("WhatIf", "", f"{NOT_REPRODUCED}it sends nothing and writes one file", switch=True),
            Parameter("Confirm", "", f"{NOT_REPRODUCED}it sends nothing and writes one file", switch=True),
            _PROFILE,
        ),
        "Byte for byte the cmdlet's file, without the secrets.",
    ),
    Cmdlet(
        "Import-AzMlWebService",
        MODULE,
        "webservice import",
        (
            Parameter("InputFile", "FILE"),
            Parameter("JsonString", "FILE", "A file in place of the text."),
            _PROFILE,
        ),
        "Brings the file to the service at once; --what-if only shows what would be sent.",
    ),
    Cmdlet(
        "Add-AzMlWebServiceRegionalProperty",
        MODULE,
        "webservice regional add",
        (_GROUP, _NAME, Parameter("Region", "--region"), *_ASKS),
    ),
)

_SKU: Final = (
    Parameter("SkuName", "--sku"),
    Parameter("SkuTier", "--tier"),
)

_PLANS: Final = (
    Cmdlet(
        "Get-AzMlCommitmentPlan",
        MODULE,
        "commitment-plan list",
        (
            Parameter("ResourceGroupName", "--resource-group", "Not given: list shows the whole subscription."),
            Parameter("Name", "NAME", "Never silently the whole subscription.", "commitment-plan get"),
            _PROFILE,
        ),
        "Follows all pages; the cmdlet stops after the first.",
        {"Name": "commitment-plan get"},
    ),
    Cmdlet(
        "New-AzMlCommitmentPlan",
        MODULE,
        "commitment-plan create",
        (_GROUP, Parameter("Location", "--location"), _NAME, *_SKU, Parameter("SkuCapacity", "--capacity"), *_ASKS),
        "Takes tags too; refuses a name that exists in place of overwriting it.",
    ),
    Cmdlet(
        "Update-AzMlCommitmentPlan",
        MODULE,
        "commitment-plan update",
        (
            _GROUP,
            _NAME,
            *_SKU,
            Parameter("SkuCapacity", "--capacity", "Left as it is when not given; the cmdlet scales down to 1."),
            Parameter("Tag", "--tag", "NAME=VALUE, may be repeated; not given, tags stay."),
            *_ASKS,
        ),
        "Returns the patched plan; every argument may be left out.",
    ),
    Cmdlet(
        "Remove-AzMlCommitmentPlan",
        MODULE,
        "commitment-plan remove",
        (_GROUP, _NAME, _piped("MlCommitmentPlan"), *_ASKS),
    ),
    Cmdlet(
        "Get-AzMlCommitmentAssociation",
        MODULE,
        "association list",
        (
            _GROUP,
            Parameter("CommitmentPlanName", "PLAN"),
            Parameter("Name", "NAME", "", "association get"),
            _PROFILE,
        ),
        "Follows all pages.",
        {"Name": "association get"},
    ),
    Cmdlet(
        "Move-AzMlCommitmentAssociation",
        MODULE,
        "association move",
        (
            _GROUP,
            Parameter("CommitmentPlanName", "PLAN"),
            _NAME,
            Parameter("DestinationPlanId", "--to", "The plan's name or id."),
            *_SHOULD,
        ),
        "Asks, as every write does.",
    ),
    Cmdlet(
        "Get-AzMlCommitmentPlanUsageHistory",
        MODULE,
        "commitment-plan usage",
        (_GROUP, _NAME, _PROFILE),
        "Follows all pages.",
    ),
)

CMDLETS: Final = (*_SERVICES, *_PLANS)
