"""`AzureMLPS`: workspaces, Classic web services and their endpoints (classic-api.md section 9)."""

from __future__ import annotations

from typing import Final

from retrainctl.parity.entry import NOT_REPRODUCED, Cmdlet, Parameter

MODULE: Final = "AzureMLPS"

COMMON: Final = (
    Parameter("Location", "--env", "`classic.location` of the environment in the project file."),
    Parameter("ConfigFile", "--project", "The project file; relative paths work."),
    Parameter("WorkspaceId", "--env", "`classic.workspace` of the environment."),
    Parameter("AuthorizationToken", "--env", "`classic.token` of the environment, a reference."),
    Parameter("IntegrationTest", "--env", "`classic.hosts` of an environment names any other host.", switch=True),
)
"""What all cmdlets take but the `Invoke-` ones and the three deprecated ones of workspaces."""

YES: Final = "Asks unless --yes; --what-if shows the request."
_MANAGEMENT_API: Final = (
    f"{NOT_REPRODUCED}it called Azure Service Management with a client certificate, an API that is switched off"
)
_SERVICE: Final = Parameter("WebServiceId", "SERVICE", "The id, or the name where only one service has it.")
_ENDPOINT: Final = Parameter("EndpointName", "NAME")


def _dead(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, "", _MANAGEMENT_API) for name in names)


_WORKSPACES: Final = (
    Cmdlet("Get-AmlWorkspace", MODULE, "workspace get", COMMON, "Tokens and the storage key are not shown."),
    Cmdlet(
        "List-AmlWorkspaces",
        MODULE,
        "",
        _dead("ManagementCertThumbprint", "AzureSubscriptionId"),
        _MANAGEMENT_API,
    ),
    Cmdlet(
        "New-AmlWorkspace",
        MODULE,
        "",
        _dead(
            "ManagementCertThumbprint",
            "AzureSubscriptionId",
            "WorkspaceName",
            "Location",
            "StorageAccountName",
            "StorageAccountKey",
            "OwnerEmail",
        ),
        _MANAGEMENT_API,
    ),
    Cmdlet(
        "Remove-AmlWorkspace",
        MODULE,
        "",
        _dead("ManagementCertThumbprint", "AzureSubscriptionId", "WorkspaceId"),
        _MANAGEMENT_API,
    ),
    Cmdlet(
        "Add-AmlWorkspaceUsers",
        MODULE,
        "workspace invite",
        (Parameter("Emails", "EMAILS"), Parameter("Role", "--role"), *COMMON),
        f"Sends strict JSON. {YES}",
    ),
    Cmdlet("Get-AmlWorkspaceUsers", MODULE, "workspace users", COMMON),
)

_SERVICES: Final = (
    Cmdlet(
        "Get-AmlWebService",
        MODULE,
        "classic list",
        (_SERVICE._replace(command="classic get"), *COMMON),
        "",
        {"WebServiceId": "classic get"},
    ),
    Cmdlet(
        "New-AmlWebService",
        MODULE,
        "classic deploy",
        (
            Parameter("PredictiveExperimentId", "EXPERIMENT"),
            Parameter("Update", "--update", "Redeploys the experiment's own service.", switch=True),
            *COMMON,
        ),
        f"Waits with pauses and up to a limit. A second service of one name only with --new. {YES}",
    ),
    Cmdlet("Remove-AmlWebService", MODULE, "classic remove", (_SERVICE, *COMMON), f"{YES} Says how many endpoints go."),
)

_ENDPOINTS: Final = (
    Cmdlet(
        "Get-AmlWebServiceEndpoint",
        MODULE,
        "endpoint list",
        (_SERVICE, _ENDPOINT._replace(command="endpoint get"), *COMMON),
        "Keys are not shown; `endpoint keys` does, with --show.",
        {"EndpointName": "endpoint get"},
    ),
    Cmdlet(
        "Add-AmlWebServiceEndpoint",
        MODULE,
        "endpoint add",
        (
            _SERVICE,
            _ENDPOINT,
            Parameter("Description", "--description"),
            Parameter("ThrottleLevel", "--throttle"),
            Parameter("MaxConcurrentCalls", "--max-calls", "Refused at Low, where the service ignores it."),
            Parameter("PreventUpdate", "--prevent-update", switch=True),
            *COMMON,
        ),
        f"Checks name and range first, refuses a name that exists. {YES}",
    ),
    Cmdlet(
        "Remove-AmlWebServiceEndpoint",
        MODULE,
        "endpoint remove",
        (_SERVICE, _ENDPOINT, *COMMON),
        f"{YES} `default` is refused before anything is sent.",
    ),
    Cmdlet(
        "Refresh-AmlWebServiceEndpoint",
        MODULE,
        "endpoint refresh",
        (
            _SERVICE,
            _ENDPOINT,
            Parameter("OverwriteResources", "--overwrite", "Shown as the risk that it is.", switch=True),
            *COMMON,
        ),
        f"{YES} 304 is told as no change.",
    ),
    Cmdlet(
        "Patch-AmlWebServiceEndpoint",
        MODULE,
        "endpoint patch",
        (
            _SERVICE,
            _ENDPOINT,
            Parameter("ResourceName", "--slot", "Checked against the endpoint; a near miss names those that exist."),
            Parameter("BaseLocation", "--model", "One address of the blob, or MODEL@VERSION of the project."),
            Parameter("RelativeLocation", "--model", "The second half of the blob's address.", joined=True),
            Parameter("SasBlobToken", "--env", "Made from `storage` of the environment when it is sent, never typed."),
            *COMMON,
        ),
        f"Also changes description, throttle and diagnostics. {YES}",
    ),
)

_CALLS: Final = (
    Cmdlet(
        "Invoke-AmlWebServiceRRSEndpoint",
        MODULE,
        "score",
        (
            Parameter("ApiLocation", "ADDRESS", "The endpoint's address in the project; its URL is read, never typed."),
            Parameter("ApiKey", "--env", "Read from the service when it is called, never typed."),
            Parameter("InputJsonText", "--input", "A file in place of the text."),
            Parameter("InputJsonFile", "--input", "Also CSV."),
            Parameter("OutputJsonFile", "--output", "`--output json`, to stdout.", value="json"),
        ),
    ),
    Cmdlet(
        "Invoke-AmlWebServiceBESEndpoint",
        MODULE,
        "batch",
        (
            Parameter("SubmitJobRequestUrl", "ADDRESS", "The service's address in the project; its URL is read."),
            Parameter("ApiKey", "--env", "Read from the service when it is called, never typed."),
            Parameter("JobConfigFile", "--input", "Inputs, outputs (--to) and parameters (--parameter) are options."),
            Parameter("JobConfigString", "--input", "The same."),
        ),
        "Pauses between polls, ends on `Cancelled` too; a failed job is an error with its reason.",
    ),
)

CMDLETS: Final = (*_WORKSPACES, *_SERVICES, *_ENDPOINTS, *_CALLS)
