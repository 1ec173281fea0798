"""Two models side by side: columns and categories gained and lost, settings, and the weights that moved most."""

from __future__ import annotations

from dataclasses import dataclass, replace

from retrainctl.ilearner.findings import Finding
from retrainctl.ilearner.model import Label, Model, Scalar
from retrainctl.ilearner.summary import Summary, count, inspect, json_number, listing


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange:
    """A column that both models have, with another type."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChange:
    """Categories that a column gained and lost."""

    column: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """A setting with another value; None where a model does not have it."""

    name: str
    before: Scalar | None
    after: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightMove:
    """The weight of a slot that both models have. The bias is the slot "Bias"."""

    slot: str
    before: float
    after: float

    @property
    def moved(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed from `before` to `after`. `weights` holds the largest moves first, of `common_slots` in all."""

    before: Summary
    after: Summary
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    retyped: tuple[TypeChange, ...]
    reordered: bool
    categories: tuple[CategoryChange, ...]
    settings: tuple[SettingChange, ...]
    weights: tuple[WeightMove, ...]
    common_slots: int

    @property
    def same_file(self) -> bool:
        return self.before.sha256 == self.after.sha256

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        before, after = self.before, self.after
        return {
            "before": {"sha256": before.sha256, "size": before.size, "algorithm": before.algorithm},
            "after": {"sha256": after.sha256, "size": after.size, "algorithm": after.algorithm},
            "same_file": self.same_file,
            "label": {"before": _label(before.label), "after": _label(after.label)},
            "columns": {
                "gained": list(self.gained),
                "lost": list(self.lost),
                "retyped": [{"name": c.column, "before": c.before, "after": c.after} for c in self.retyped],
                "reordered": self.reordered,
            },
            "categories": [
                {"column": c.column, "gained": list(c.gained), "lost": list(c.lost)} for c in self.categories
            ],
            "settings": [{"name": s.name, "before": _plain(s.before), "after": _plain(s.after)} for s in self.settings],
            "slots": {"before": before.slots, "after": after.slots, "common": self.common_slots},
            "weights": [{"slot": w.slot, "before": w.before, "after": w.after, "moved": w.moved} for w in self.weights],
        }


def _plain(value: Scalar | None) -> Scalar | None:
    return None if value is None else json_number(value)


def _label(label: Label | None) -> dict[str, object] | None:
    if label is None:
        return None
    return {"name": label.name, "value_type": label.value_type, "values": list(label.values)}


def compare(before: Model, after: Model, *, most: int = 10) -> Comparison:
    """Compare two models; `most` is how many weight moves are kept."""
    moves = _moves(before, after)
    largest = sorted((m for m in moves if m.moved), key=lambda m: (-abs(m.moved), m.slot))[:most]
    return replace(
        compare_summaries(inspect(before), inspect(after)),
        weights=tuple(largest),
        common_slots=max(0, len(moves) - 1),
    )


def compare_summaries(old: Summary, new: Summary) -> Comparison:
    """Compare what two files say of themselves, of whatever kind: everything but the weights."""
    old_columns = {column.name: column for column in old.columns}
    new_columns = {column.name: column for column in new.columns}
    common = [name for name in old_columns if name in new_columns]
    return Comparison(
        before=old,
        after=new,
        gained=tuple(name for name in new_columns if name not in old_columns),
        lost=tuple(name for name in old_columns if name not in new_columns),
        retyped=tuple(
            TypeChange(column=name, before=old_columns[name].type, after=new_columns[name].type)
            for name in common
            if old_columns[name].type != new_columns[name].type
        ),
        reordered=common != [name for name in new_columns if name in old_columns],
        categories=tuple(
            change
            for name in common
            if old_columns[name].type == new_columns[name].type
            and (change := _categories(name, old_columns[name].categories, new_columns[name].categories))
        ),
        settings=_settings(old, new),
        weights=(),
        common_slots=0,
    )


def _categories(column: str, before: tuple[str, ...], after: tuple[str, ...]) -> CategoryChange | None:
    old, new = set(before), set(after)
    if old == new:
        return None
    return CategoryChange(
        column=column,
        gained=tuple(text for text in after if text not in old),
        lost=tuple(text for text in before if text not in new),
    )


def _settings(before: Summary, after: Summary) -> tuple[SettingChange, ...]:
    old = {setting.name: setting.value for setting in before.settings}
    new = {setting.name: setting.value for setting in after.settings}
    return tuple(
        SettingChange(name=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )


def _slot_keys(model: Model) -> list[tuple[str, str]]:
    """Column and category of each slot, without its running number, which shifts when a category comes or goes."""
    if not all(feature.slots for feature in model.features):
        return [(name, "") for name in model.slot_names]
    keys: list[tuple[str, str]] = []
    for feature in model.features:
        if feature.is_numeric:
            keys.append((feature.name, ""))
        else:
            keys.extend((feature.name, f" = {category}") for category in feature.categories)
            keys.append((feature.name, " (unknown value)"))
    return keys


def _moves(before: Model, after: Model) -> list[WeightMove]:
    """All slots that both have, the bias first. Slots are matched by column and category, not by place."""
    old, new = before.predictor.linear, after.predictor.linear
    if old is None or new is None:
        return []
    moves = [WeightMove(slot="Bias", before=old.bias, after=new.bias)]
    old_keys, new_keys = _slot_keys(before), _slot_keys(after)
    if len(old_keys) != len(old.weights) or len(new_keys) != len(new.weights):
        return moves
    known = dict(zip(old_keys, old.weights, strict=True))
    for key, weight in zip(new_keys, new.weights, strict=True):
        if key in known:
            moves.append(WeightMove(slot="".join(key), before=known[key], after=weight))
    return moves


def changed_findings(comparison: Comparison) -> tuple[Finding, ...]:
    """What a service that fits the old model has to fear from the new one."""
    found: list[Finding] = []
    old, new = comparison.before, comparison.after
    if old.algorithm != new.algorithm:
        found.append(_changed(f"the algorithm changes from {old.algorithm} to {new.algorithm}"))
    for verb, columns in (("needs", comparison.gained), ("no longer uses", comparison.lost)):
        if columns:
            text = f"the new model {verb} {count(len(columns), 'column')}: {listing(list(columns))}"
            found.append(_changed(text, columns))
    for kinds in dict.fromkeys((change.before, change.after) for change in comparison.retyped):
        columns = tuple(c.column for c in comparison.retyped if (c.before, c.after) == kinds)
        verb = "changes" if len(columns) == 1 else "change"
        text = f"{count(len(columns), 'column')} {verb} from {kinds[0]} to {kinds[1]}: {listing(list(columns))}"
        found.append(_changed(text, columns))
    if _label_shape(old.label) != _label_shape(new.label):
        found.append(_changed(f"the label changes from {_label_words(old.label)} to {_label_words(new.label)}"))
    return tuple(found)


def _changed(message: str, columns: tuple[str, ...] = ()) -> Finding:
    return Finding(
        code="RC754",
        message=message,
        columns=columns,
        hint="Retrain on data of the same shape, or change the service first.",
    )


def _label_shape(label: Label | None) -> tuple[object, ...] | None:
    return None if label is None else (label.name, label.value_type, label.values)


def _label_words(label: Label | None) -> str:
    if label is None:
        return "none"
    return f"{label.value_type} {listing([label.name])} {list(label.values)}"
