"""Whatever a service holds and is called: its snapshot is as good as the service."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from retrainctl.definition.export import export, without_secrets
from retrainctl.definition.observe import observe
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, Environment
from retrainctl.model.resource import Desired
from retrainctl.targets.snapshot.folder import Head
from retrainctl.targets.snapshot.registry import open_snapshot
from retrainctl.targets.snapshot.write import arm_file, write_snapshot
from tests.support.definitions import SUBSCRIPTION, definitions

EXAMPLES = 1000 if os.environ.get("RETRAINCTL_FULL") else 100
ENVIRONMENT = Environment(name="local", arm=ArmSettings(subscription=SUBSCRIPTION, resource_group="rg"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(definitions(models=1), min_size=1, max_size=2, unique_by=lambda d: d["name"].casefold()))
def test_a_snapshot_reads_back_as_what_was_live(documents):
    wanted = [
        Desired(address=Address("WebService", f"s{n}"), place={"name": d["name"]}) for n, d in enumerate(documents)
    ]
    with TemporaryDirectory() as folder:
        write_snapshot(Path(folder), Head(complete=True), (arm_file(d["id"], d) for d in documents))

        reading = open_snapshot(Path(folder), ENVIRONMENT).readers["arm"].read(wanted)

        for desired, document in zip(wanted, documents, strict=True):
            live, seen = observe(desired.address, document["id"], document), reading.observed[desired.address]
            assert (seen.fingerprint, seen.slots, seen.revision) == (live.fingerprint, live.slots, live.revision)
            assert dict(seen.fields) == dict(live.fields)
            assert dict(seen.document) == without_secrets(document)
            assert export(seen.document) == export(document)
