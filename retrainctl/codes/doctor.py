"""Error codes of `doctor` (RC920 to RC937), and of deploying Classic web services."""

from __future__ import annotations

from typing import Final

from retrainctl.codes.entry import Code

CODES: Final[dict[str, Code]] = {
    "RC920": Code(
        "A check could not be carried out",
        "`doctor` met something that it did not expect; the other checks went on.",
        "Run it with -vv and report what it shows.",
    ),
    "RC921": Code(
        "The hosted service is retired",
        "Microsoft closed Machine Learning Studio (classic) and its web services, Classic and New, on 31 August 2024. "
        "The environment points at the hosted service and not at an emulator.",
        "Keep the definitions (`retrainctl snapshot pull`), and move the models to Azure Machine Learning v2; to try "
        "or to teach, use an environment with `emulator: {}`.",
    ),
    "RC922": Code(
        "A host cannot be reached",
        "Its name does not resolve, it refuses connections, or nothing answers: a wrong address, a proxy, a firewall, "
        "or a service that is gone.",
        "Check the address in the environment, HTTPS_PROXY and NO_PROXY, and the firewall.",
    ),
    "RC923": Code(
        "A host's certificate is not trusted",
        "The TLS handshake failed: a proxy puts its own certificate in, the certificate has expired, or it is for "
        "another host.",
        "Name the authority's certificate in RETRAINCTL_CA_FILE, or correct the address. Verification stays on.",
    ),
    "RC924": Code(
        "The clock is wrong",
        "This machine and a service disagree about the time. Tokens and SAS signatures are then too early or too late.",
        "Set the clock (NTP). Azure accepts at most five minutes.",
    ),
    "RC925": Code(
        "A permission is missing",
        "The signed-in identity may not do in the resource group what an apply of these manifests does.",
        "Ask for a role with the named actions there: Contributor, or a custom role.",
    ),
    "RC926": Code(
        "The provider does not offer this here",
        "Microsoft.MachineLearning is not registered in the subscription, or not offered in the region that is wanted.",
        "Register the provider (`az provider register --namespace Microsoft.MachineLearning`), or choose one of the "
        "named regions.",
    ),
    "RC927": Code(
        "The resource group does not exist",
        "The environment or a manifest names a resource group that the subscription does not have.",
        "Make it (`az group create`), or correct `resourceGroup`.",
    ),
    "RC928": Code(
        "A service is in another region",
        "The manifests or the environment say one location, the live service has another. A service never moves.",
        "Correct `location`, or make the service anew under another name.",
    ),
    "RC929": Code(
        "The service is of the wrong kind",
        "A training service has no slot for a trained model, and a predictive service trains nothing: the two were "
        "mixed up.",
        "Point WebService and Endpoint at the predictive service, Retraining at the training service.",
    ),
    "RC930": Code(
        "A service exists but does not work",
        "Its creation or last change failed at the service.",
        "See the message; then apply again, or remove it and make it anew.",
    ),
    "RC931": Code(
        "The blob of a model version is missing",
        "A slot asks for a version whose blob is not there. Clients would get errors, or the write is refused.",
        "Upload the blob again, correct the version's `uri`, or pin another version.",
    ),
    "RC932": Code(
        "A SAS has expired",
        "The signature of a storage account, or of a model's address, has ended: the blobs cannot be reached.",
        "Make a new SAS, or leave it out: with `key` or an Azure identity, retrainctl signs each use by itself.",
    ),
    "RC933": Code(
        "A SAS ends soon",
        "The signature ends within a day; a rollout or retraining may outlast it.",
        "Make a new SAS in time, or leave it out: with `key` or an Azure identity each use is signed anew.",
    ),
    "RC934": Code(
        "The lease is held",
        "Somebody applies to this environment now; or their process died and the lease has not lapsed yet.",
        "Wait for that run; `retrainctl lease show` names it. `retrainctl lease steal` takes the lease of a dead one.",
    ),
    "RC935": Code(
        "Nobody knows what became of a write",
        "A former run ended before the service's answer came.",
        "Run `retrainctl apply --resume`: it asks the service and writes the answer down.",
    ),
    "RC936": Code(
        "A guard would stop an apply",
        "Limits, protections, freezes or policies block what the manifests ask for now.",
        "See `retrainctl plan`; allow it on purpose, or change the manifests.",
    ),
    "RC938": Code(
        "The experiment has not finished",
        "Only an experiment whose last run ended well can be deployed as a Classic web service.",
        "Run it to its end in the workspace, then deploy again.",
    ),
    "RC939": Code(
        "The deployment did not succeed",
        "Studio took the deployment, but it failed, or did not end in time.",
        "See the experiment in the workspace; `retrainctl classic list` shows whether a service came of it.",
    ),
    "RC937": Code(
        "A SAS cannot be read",
        "It has no readable end (`se=`), so nobody can tell for how long it is good.",
        "Copy the whole token, from `sv=` to the end of `sig=`.",
    ),
}
