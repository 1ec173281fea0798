"""Error codes of the targets: connections and answers (RC300 to RC329), what Azure would refuse (RC330 to RC359),
Classic workspaces (RC360 to RC399)."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC300": Code(
        "A target failed",
        "The other side refused, or could not be reached, in a way that has no code of its own.",
        "Read the service's words; keep the request id for its support.",
    ),
    "RC301": Code(
        "Not signed in",
        "The service answered 401: the token or key is missing, old, of another tenant, or simply wrong.",
        "Sign in again (`az login`), set `tenant` where the account knows several, or renew the key.",
    ),
    "RC302": Code(
        "Not found",
        "The service answered 404 (or 204, where that means the same): there is no such thing under this name.",
        "Check the name, the resource group and the subscription of the environment.",
    ),
    "RC303": Code(
        "Conflict",
        "The resource is not in the state that the request assumes: something else is changing it (409, 412).",
        "Wait until the other change has ended, then plan again.",
    ),
    "RC304": Code(
        "Too many calls",
        "The service said 429 (or 503 for load), and waiting as long as it asked for did not help.",
        "Run again later, with a smaller --parallel, or raise the service's concurrency.",
    ),
    "RC305": Code(
        "Refused",
        "The service understood the request and said no (a 4xx answer).",
        "Read its words: they name the member that it does not take. Mend the manifest and plan again.",
    ),
    "RC306": Code(
        "Service in trouble",
        "The service answered 5xx or 408. A write may or may not have been carried out.",
        "Try again later. `retrainctl plan` shows what is live; `apply --resume` settles an interrupted run.",
    ),
    "RC307": Code(
        "Secret not available",
        "A secret reference does not resolve here: a variable that is not set, a file that cannot be read, a vault "
        "that does not answer.",
        "Set the variable, provide the file inside the project, or check the vault's name and your access to it.",
    ),
    "RC308": Code(
        "No credentials",
        "No source of Azure credentials gave a token: environment, workload identity, managed identity, Azure CLI.",
        "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET for a service principal.",
    ),
    "RC309": Code(
        "Sign-in refused",
        "There are credentials, but the sign-in service did not take them, or could not be reached.",
        "Check tenant, client id and secret (the AADSTS number says what is wrong), and the proxy settings.",
    ),
    "RC310": Code(
        "Not allowed",
        "The service answered 403: the account is known but has no right to do this.",
        "Ask for the role Contributor on the resource group (reading needs Reader), or use another account.",
    ),
    "RC311": Code(
        "No such resource group",
        "Azure Resource Manager does not know the resource group.",
        "Create it (`az group create`), or correct `resourceGroup` in the manifest or the environment.",
    ),
    "RC312": Code(
        "No connection",
        "The host cannot be found, or nothing answers there. Nothing was sent.",
        "Check the network and the address; for the emulator run `retrainctl emulator up`.",
    ),
    "RC313": Code(
        "Connection lost",
        "The request was sent, but the connection ended before the whole answer had come.",
        "A read was tried again already. After a write, look at the resource or run `apply --resume`.",
    ),
    "RC314": Code(
        "Certificate not trusted",
        "The host showed a certificate that no known authority vouches for, or does not speak TLS at all.",
        "Name the certificate file of a private authority in RETRAINCTL_CA_FILE; never switch verification off.",
    ),
    "RC315": Code(
        "Proxy failed",
        "The proxy did not open a connection to the host.",
        "Check HTTPS_PROXY (an http:// address, with user and password if it wants them) and NO_PROXY.",
    ),
    "RC316": Code(
        "No answer in time",
        "The host did not take the connection, or did not answer, within the time allowed.",
        "Check network, firewall and proxy. After a write, look at the resource or run `apply --resume`.",
    ),
    "RC317": Code(
        "Redirect",
        "The host sends us to another address. Redirects are never followed: they would carry the token away.",
        "Check the address in the environment's settings.",
    ),
    "RC318": Code(
        "Host not allowed",
        "A token, a key or a signed address would go to a host that the environment does not name.",
        "If the host is right, name it in the environment's settings.",
    ),
    "RC319": Code(
        "Not encrypted",
        "The address is http and not on this machine. Nothing is sent in clear over a network.",
        "Use the https address.",
    ),
    "RC320": Code(
        "No such subscription",
        "Azure Resource Manager does not know the subscription, or the account does not see it.",
        "Correct `subscription` in the environment, or sign in to the tenant that it belongs to.",
    ),
    "RC321": Code(
        "Unexpected answer",
        "The answer is not what this service sends: no JSON, another shape, or a list without end.",
        "A proxy or gateway may stand before the service: check the address and the proxy settings.",
    ),
    "RC322": Code(
        "Unknown operation",
        "The address of an earlier run's operation is not one of this target.",
        "Look at the resource itself; `retrainctl plan` shows what is live.",
    ),
    "RC323": Code(
        "Operation without end",
        "The service took the request, but the operation did not end within half an hour.",
        "Look at the resource later, or run `retrainctl apply --resume`.",
    ),
    "RC324": Code(
        "Operation canceled",
        "The service took the request and then canceled the operation. Nothing of it went live.",
        "Plan again; if it happens again, give the request id to the service's support.",
    ),
    "RC325": Code(
        "Operation failed",
        "The first answer was a success, but the operation behind it failed. Nothing of it went live.",
        "Read the reason: often the blob cannot be read by the service, or is not a model that it can load.",
    ),
    "RC326": Code(
        "Value not in the plan",
        "A saved plan never holds a secret, so a value that was given in clear cannot be sent from it.",
        "Give the value as a reference (`{env: NAME}`) in the manifest, then plan again.",
    ),
    "RC327": Code(
        "Exists already",
        "The plan creates a resource that has appeared since. Creating it would overwrite it.",
        "Plan again: it will be planned as an update.",
    ),
    "RC330": Code(
        "No definition to create from",
        "The web service does not exist, and the manifest names no definition.",
        "Check name and resource group, or add `definition:` with an exported definition JSON.",
    ),
    "RC331": Code(
        "Broken service",
        "The service exists as a stub: its creation failed and left nothing that could be updated.",
        "Delete it, then plan again.",
    ),
    "RC332": Code(
        "Read-only service",
        "The service was made read-only, which cannot be taken back: it takes nothing but its deletion.",
        "Declare a new web service under another name.",
    ),
    "RC333": Code(
        "Storage account cannot change",
        "A web service keeps its storage account for life (CannotChangeStorageAccount); only the key may change.",
        "Set storageAccount.name to what the service has, or leave it out.",
    ),
    "RC334": Code(
        "Location cannot change",
        "A web service and a commitment plan stay in their region.",
        "Set `location` back, or declare a new resource under another name.",
    ),
    "RC335": Code(
        "Another commitment plan pays than was planned with",
        "A service goes to another plan by moving its association. Since the plan was made somebody moved it, or no "
        "plan that can be read pays for the service.",
        "Plan again. `retrainctl association list PLAN` shows what a plan pays for.",
    ),
    "RC336": Code(
        "Concurrency out of range",
        "realtimeConfiguration.maxConcurrentCalls goes from 4 to 200.",
        "Choose a number from 4 to 200.",
    ),
    "RC337": Code(
        "Diagnostics incomplete",
        "diagnostics needs a level: None, Error or All.",
        "Add `diagnostics: {level: Error}`.",
    ),
    "RC339": Code(
        "Storage account missing",
        "A new web service needs a storage account and its key; an exported definition never has the key.",
        "Add `storageAccount: {name: ACCOUNT, key: {env: STORAGE_KEY}}`.",
    ),
    "RC340": Code(
        "Commitment plan missing",
        "A new web service needs a commitment plan of its region; an exported definition never has it.",
        "Add `commitmentPlan: CommitmentPlan/NAME`, or the id of a plan.",
    ),
    "RC341": Code(
        "Location missing",
        "A new resource needs a location.",
        "Add `location` to the manifest or to the environment's `arm:`.",
    ),
    "RC342": Code(
        "Name not allowed",
        "Azure takes names of 1 to 260 characters without < > * % & : ? + / \\ and without a blank at the end.",
        "Choose another name.",
    ),
    "RC343": Code(
        "Not an .ilearner blob",
        "A trained model slot takes the `.ilearner` output of a training job and nothing else.",
        "Name BaseLocation and RelativeLocation of that output, without the SAS token.",
    ),
    "RC344": Code(
        "No regions in this api-version",
        "Copies of encrypted parameters per region (`regions`) exist from api-version 2017-01-01 on.",
        "Set `apiVersion: 2017-01-01` in the environment's `arm`, or leave `regions` out of the manifest.",
    ),
    "RC345": Code(
        "Field cannot change",
        "This member of a web service is set at creation and stays.",
        "Leave it out of the manifest or the definition.",
    ),
    "RC346": Code(
        "Size of a commitment plan",
        "A plan's sku has a name (S1, S2, S3, DevTest), a tier (Standard) and a capacity from 1 on.",
        "Add `sku: {name: S1, tier: Standard, capacity: 1}`.",
    ),
    "RC348": Code(
        "Version without blob",
        "The model version has neither `uri` nor `file`, so there is nothing that a web service could load.",
        "Give the version a `uri`.",
    ),
    "RC349": Code(
        "Encrypted value",
        "The definition holds ciphertext that only the service and region it was read from can use; a plan has none.",
        "Give the parameter a value in place of value and thumbprint, as `{env: NAME}` if it is secret.",
    ),
    "RC350": Code(
        "Signed address",
        "A SAS token stands in an address of the definition. Plans never keep one, so it would be lost.",
        "Take the query off the address and give its token as `credentials: {env: NAME}` beside it.",
    ),
    "RC360": Code(
        "Unknown location",
        "A Classic workspace is in one of a few regions, each with hosts of its own; this name is none of them, or "
        "`classic.hosts` names an address that there is not.",
        "Use a location that the message lists, or name the addresses in `classic.hosts` (`management`, `studio`).",
    ),
    "RC361": Code(
        "No such Classic web service",
        "The workspace has no web service of this id or name.",
        "Correct the name (it is compared exactly), or check `workspace` and `location` of the environment.",
    ),
    "RC362": Code(
        "Several Classic web services of one name",
        "Names of Classic web services are not unique; deploying again without updating makes a second one.",
        "Name the service by its id, and remove the one that is not needed.",
    ),
    "RC363": Code(
        "The default endpoint is not changed",
        "The endpoint `default` follows its service's deployment. The service refuses to update or delete it.",
        "Declare an endpoint of another name and point that one at the model.",
    ),
    "RC364": Code(
        "No updatable resources",
        "The web service has no trained model that could be replaced: it is a training service, or was deployed "
        "without a saved trained model.",
        "Name the predictive (scoring) service.",
    ),
    "RC365": Code(
        "No such updatable resource",
        "An endpoint's slots are its updatable resources; their names are compared exactly.",
        "Copy the name that the message lists.",
    ),
    "RC366": Code(
        "Endpoint name not allowed",
        "An endpoint's name has at most 24 lower-case letters, digits and, between them, hyphens.",
        "Set `name` in the manifest; metadata.name may stay as it is.",
    ),
    "RC367": Code(
        "Too many endpoints",
        "A web service has at most 3 endpoints in a Free workspace, 10,000 in a Standard one, `default` included.",
        "Declare fewer, spread them over several web services, or use a Standard workspace.",
    ),
    "RC368": Code(
        "Throttling not allowed",
        "maxConcurrentCalls goes from 1 to 200; a Free workspace has no throttle level but Low.",
        "Choose a number from 1 to 200, or leave throttleLevel out in a Free workspace.",
    ),
    "RC369": Code(
        "Description too long",
        "An endpoint's description has at most 2,000 characters.",
        "Shorten it.",
    ),
    "RC370": Code(
        "Number of calls without effect",
        "An endpoint takes maxConcurrentCalls at throttleLevel High only; at Low, the default, it is always 4.",
        "Say `throttleLevel: High` beside it, or leave it out.",
    ),
    "RC371": Code(
        "No blob of a storage account",
        "An endpoint loads its model with a SAS token, and that is made for a blob of a storage account.",
        "Name the model's blob as https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner.",
    ),
    "RC372": Code(
        "SAS token expired",
        "The token given for the storage account has expired or is about to. Nothing was sent.",
        "Make a new one; or give the account's key instead: then a short-lived token is made for every call.",
    ),
    "RC373": Code(
        "SAS token of no use",
        "What is given for the storage account is no SAS token, or one that may not read. Nothing was sent.",
        "Give a token with the right to read (sp=r), as the portal shows it.",
    ),
    "RC374": Code(
        "Settings of an endpoint not changed here",
        "The environment says `fieldUpdates: refuse`, because changing an endpoint's settings by PATCH was never seen.",
        "Set the field back; or remove the endpoint and plan again: it is made anew, with other keys.",
    ),
    "RC375": Code(
        "Another web service",
        "The Classic web service of this id has another name than the manifest says. It is adopted, never changed.",
        "Correct the name or the id.",
    ),
    "RC376": Code(
        "One endpoint, two manifests",
        "Two manifests name the same endpoint, most likely once by the service's name and once by its id.",
        "Keep one of the two.",
    ),
    "RC380": Code(
        "Model not readable",
        "The service could not fetch the model: the blob is missing, or the SAS token is not accepted.",
        "Check that the blob exists and that the storage account's key is the current one, then apply again.",
    ),
    "RC381": Code(
        "Model does not fit",
        "The service took the model for one of another experiment.",
        "Train with the training experiment that belongs to the service; or deploy the experiment again and refresh.",
    ),
    "RC382": Code(
        "Workspace token refused",
        "The management API answered 401: the token is not this workspace's, or the workspace is in another region.",
        "Check `token`, `workspace` and `location` in the environment's `classic:`.",
    ),
    "RC383": Code(
        "No such address",
        "The management API answered 404: the service or the endpoint is gone, or `classic.hosts` is wrong.",
        "Plan again; check classic.hosts where it is set.",
    ),
    "RC385": Code(
        "Endpoint busy",
        "The endpoint takes no further call for now: too many at once, or its container is cold.",
        "Call again, or raise throttleLevel and maxConcurrentCalls.",
    ),
    "RC386": Code(
        "Job does not fit the service",
        "A port, a parameter, a blob or a token of the batch job is not what the service takes.",
        "Compare names (with case) with the endpoint's swagger.",
    ),
    "RC387": Code(
        "Job cannot be started",
        "A job is started once, after it was submitted.",
        "Look at the job's state; submit it again.",
    ),
    "RC388": Code(
        "Job failed in a module",
        "The experiment ran and a module gave up: most often the data is broken, or a source cannot be read.",
        "The message names the module; mend its data or parameters.",
    ),
    "RC389": Code(
        "Too large",
        "The model or the data is too large for the service's memory.",
        "Use a smaller model or a smaller batch.",
    ),
    "RC390": Code(
        "Workspace storage",
        "The workspace cannot use its own storage account: its key was changed, or the account is gone.",
        "Synchronise the workspace's storage key in the portal.",
    ),
    "RC391": Code(
        "Name taken",
        "A trained model of this name exists already in the workspace.",
        "Promote it as a new version of that one.",
    ),
}
