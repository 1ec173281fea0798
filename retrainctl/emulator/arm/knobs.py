"""What the evidence leaves open about web services (section 16 of the dossier), as switches with a default.

Where nothing is known the default is the behaviour that a careless client notices.
"""

from __future__ import annotations

from typing import Final

from retrainctl.emulator.knobs import Knob


def _choice(name: str, choices: tuple[str, ...], meaning: str) -> Knob:
    return Knob(name=name, form="choice", default=choices[0], choices=choices, meaning=meaning)


KNOBS: Final = (
    Knob(
        name="page-size", form="number", default="1000", meaning="items per page of a list (1042 and 93 were recorded)"
    ),
    _choice("patch-maps", ("replace", "merge"), "PATCH of assets, parameters, package ...: whole value, or key by key"),
    _choice("patch-null", ("ignore", "delete"), "a null member in a PATCH: as absent, or removes the member"),
    _choice("patch-package-type", ("required", "optional"), "whether a PATCH of properties must carry packageType"),
    _choice("put-rotates-keys", ("on", "off"), "an overwriting PUT without keys makes new ones"),
    _choice("put-storage-account", ("allow", "reject"), "an overwriting PUT with another storageAccount.name"),
    _choice("put-incomplete", ("reject", "accept"), "creating without storage account, its key or a commitment plan"),
    _choice("write-while-provisioning", ("conflict", "queue"), "a write during Provisioning: 409, or after the first"),
    _choice("failed-operation", ("errorInfo", "error", "both"), "member of a failed operation's body: swagger, or ARM"),
    _choice("show-credentials", ("keep", "strip"), "GET of locationInfo: as sent, or without credentials and SAS"),
    _choice("foreign-ciphertext", ("reject", "accept"), "a parameter encrypted for another region"),
    _choice("regional-after-update", ("keep", "drop"), "whether regional blobs survive an update of the service"),
    _choice("plan-etag", ("ignore", "check"), "If-Match or body etag of a commitment plan PUT or PATCH"),
    Knob(
        name="foreign-poll-host",
        form="trigger",
        default="never",
        meaning="point the poll URL at the provider's own host, where polling is 403 (recorded once, on a DELETE)",
    ),
)
