"""All checks in the order in which one would look: files, books, network, accounts, services, blobs."""

from __future__ import annotations

from typing import Final

from retrainctl.operations.doctoring import books, network, services, settings, storage, subscription
from retrainctl.operations.doctoring.report import Check

CHECKS: Final = (
    Check("manifests", "Manifests", settings.manifests),
    Check("secrets", "Secrets", settings.secrets),
    Check("retirement", "Retirement of the hosted service", settings.retirement),
    Check("ledger", "Ledger", books.ledger),
    Check("lease", "Lease", books.lease),
    Check("hosts", "Hosts and TLS", network.reachability),
    Check("clock", "Clock", network.clock_skew),
    Check("groups", "Credentials and resource groups", subscription.groups),
    Check("permissions", "Permissions", subscription.permissions),
    Check("provider", "Provider and regions", subscription.provider),
    Check("workspace", "Classic workspace and its region", network.classic_location),
    Check("services", "Services: kind, region, state", services.kinds),
    Check("training", "Training services", services.trainers),
    Check("plan", "Slots, limits and guards", services.planning),
    Check("blobs", "Blobs of models", storage.blobs),
    Check("sas", "SAS tokens", storage.signatures),
)
