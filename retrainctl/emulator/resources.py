"""ARM resources of every type, in one table: what lists need apart from what only a full GET needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from retrainctl.emulator.store import Store

DDL = """
CREATE TABLE IF NOT EXISTS resource(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, type TEXT NOT NULL, subscription TEXT NOT NULL,
  grp TEXT NOT NULL, name TEXT NOT NULL, alias TEXT, head BLOB NOT NULL, body BLOB NOT NULL, secret BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS resource_listing ON resource(type, subscription, grp, seq);
CREATE INDEX IF NOT EXISTS resource_alias ON resource(alias) WHERE alias IS NOT NULL;
"""


@dataclass(slots=True, kw_only=True)
class Resource:
    """One row. `id` keeps the spelling of its creation; `key` is the same in lower case, as ids compare.

    Attributes:
        alias: another name that it can be found by, such as the GUID of a web service in data plane URLs.
        head: what a list shows, and hidden state under names that the owner knows.
        body: the large members that only a GET shows.
        secret: what no answer shows.
    """

    id: str
    type: str
    subscription: str
    group: str
    name: str
    alias: str | None = None
    head: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict)
    seq: int = 0

    @property
    def key(self) -> str:
        return self.id.lower()


def resource_id(subscription: str, group: str, kind: str, *names: str) -> str:
    """`/subscriptions/S/resourceGroups/G/providers/NS/TYPE/NAME[/CHILDTYPE/NAME]`; `kind` is `NS/TYPE[/CHILDTYPE]`."""
    namespace, *types = kind.split("/")
    path = "/".join(f"{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{path}"


class Resources:
    """Reading and writing rows; callers hold the transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, identifier: str) -> Resource | None:
        row = self._store.row(
            "SELECT seq, head, type, subscription, grp, name, body, secret FROM resource WHERE key=?",
            identifier.lower(),
        )
        return None if row is None else _whole(row)

    def by_alias(self, alias: str) -> Resource | None:
        """The resource with this alias (compared as it was given)."""
        row = self._store.row("SELECT key FROM resource WHERE alias=?", alias)
        return None if row is None else self.get(row[0])

    def exists(self, identifier: str) -> bool:
        return self._store.row("SELECT 1 FROM resource WHERE key=?", identifier.lower()) is not None

    def put(self, resource: Resource) -> None:
        """Insert, or replace the content of the same id."""
        head = {"id": resource.id, "name": resource.name, **resource.head}
        self._store.run(
            "INSERT INTO resource(key, type, subscription, grp, name, alias, head, body, secret)"
            " VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(key) DO UPDATE SET"
            " alias=coalesce(excluded.alias, alias), head=excluded.head, body=excluded.body, secret=excluded.secret",
            resource.key,
            resource.type.lower(),
            resource.subscription.lower(),
            resource.group.lower(),
            resource.name.lower(),
            resource.alias,
            orjson.dumps(head),
            orjson.dumps(resource.body),
            orjson.dumps(resource.secret),
        )

    def delete(self, identifier: str) -> bool:
        """Remove one resource and its children; whether it was there."""
        key = identifier.lower()
        self._store.run("DELETE FROM resource WHERE key>=? AND key<?", key + "/", key + "0")
        return self._store.run("DELETE FROM resource WHERE key=?", key) > 0

    def delete_group(self, subscription: str, group: str) -> None:
        self._store.run("DELETE FROM resource WHERE subscription=? AND grp=?", subscription.lower(), group.lower())

    def page(
        self, kind: str | None, subscription: str, group: str | None = None, after: int = 0, limit: int = -1
    ) -> tuple[list[Resource], bool]:
        """Up to `limit` resources (without `body` and `secret`) behind row `after`, and whether more follow.

        Args:
            kind: `Microsoft.X/types`, or None for every top-level type.
            group: None for the whole subscription.
            limit: negative for all.
        """
        where, values = ["subscription=?"], [subscription.lower()]
        if kind is None:
            where.append("type NOT LIKE '%/%/%'")
        else:
            where.append("type=?")
            values.append(kind.lower())
        if group is not None:
            where.append("grp=?")
            values.append(group.lower())
        return self._page(where, values, after, limit)

    def children(self, parent: str, kind: str, after: int = 0, limit: int = -1) -> tuple[list[Resource], bool]:
        """The same for the resources of type `kind` below one parent id."""
        key = parent.lower()
        return self._page(["type=?", "key>=?", "key<?"], [kind.lower(), key + "/", key + "0"], after, limit)

    def _page(self, where: list[str], values: list[str], after: int, limit: int) -> tuple[list[Resource], bool]:
        rows = self._store.rows(
            "SELECT seq, head, type, subscription, grp, name FROM resource WHERE "  # noqa: S608 - constant conditions
            + " AND ".join([*where, "seq>?"])
            + " ORDER BY seq LIMIT ?",
            *values,
            after,
            limit + 1 if limit >= 0 else -1,
        )
        more = 0 <= limit < len(rows)
        return [_listed(row) for row in (rows[:limit] if more else rows)], more


def _listed(row: tuple[Any, ...]) -> Resource:
    head = orjson.loads(row[1])
    return Resource(
        seq=row[0], id=head["id"], head=head, type=row[2], subscription=row[3], group=row[4], name=head["name"]
    )


def _whole(row: tuple[Any, ...]) -> Resource:
    resource = _listed(row)
    resource.body = orjson.loads(row[6])
    resource.secret = orjson.loads(row[7])
    return resource
