"""What we send is what azuremlps and the articles sent; what we read is what the published swagger declares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrainctl.definition.endpoint import FIELDS, proper, uri_of
from retrainctl.model.versions import ModelVersion
from retrainctl.targets.classic.requests import models_body, refresh_body, split
from tests.support.classic_cases import change, changed, move


def payload(shared: Path, name: str) -> Any:
    return json.loads((shared / "classic" / name).read_text(encoding="utf-8"))


def test_the_patch_of_the_article(shared: Path) -> None:
    article = payload(shared, "management/patch.census-doc.json")
    (resource,) = article["Resources"]
    uri = uri_of(resource["Location"])
    assert uri is not None
    census = ModelVersion(model="census", version=2, uri=uri)
    ours = models_body(change(move(census, slot=resource["Name"])), lambda _: resource["Location"]["SasBlobToken"])
    assert ours == article


def test_the_refresh_of_azuremlps(shared: Path) -> None:
    assert refresh_body(change(changed("refreshAll", "done"))) == payload(shared, "management/refresh.overwrite.json")


def test_the_walkthroughs_location(shared: Path) -> None:
    job = payload(shared, "bes/submit.bike-rental-001.json")
    relative = job["Outputs"]["output1"]["RelativeLocation"]
    base, ours = split(f"https://bostonmtc.blob.core.windows.net/{relative}")
    assert (base, ours) == ("https://bostonmtc.blob.core.windows.net/", relative)


def test_every_member_of_the_published_endpoint_is_ours_kept_or_secret(shared: Path) -> None:
    swagger = payload(shared, "management/swagger.management-api.json")
    members = swagger["definitions"]["Endpoint"]["properties"]
    document = proper(dict.fromkeys(members, "x"))
    assert set(members) - set(document) == {"PrimaryKey", "SecondaryKey"}
    assert set(FIELDS) - set(members) == {"PreventUpdate"}, "only azuremlps knows that one"
    text = json.dumps(swagger)
    for name in ("ThrottleLevel", "MaxConcurrentCalls", "DiagnosticsTraceLevel"):
        assert name in text


def test_the_published_limits_are_ours(shared: Path) -> None:
    text = (shared / "classic/management/swagger.management-api.json").read_text(encoding="utf-8")
    assert "Maximum 24 characters" in text
    assert "up to 10,000 Endpoints" in text
