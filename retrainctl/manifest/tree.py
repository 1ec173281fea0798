"""Documents with expressions, compiled once and then filled in for each item of a `forEach`.

What does not use `item` is evaluated when the document is compiled; parts without expressions are shared by all
instances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from retrainctl.fastclass import dataclass
from retrainctl.manifest.document import Document, Step, children
from retrainctl.manifest.expressions import Template, compile_text
from retrainctl.manifest.scope import ExpressionError, Scope

Failures: TypeAlias = "list[tuple[int, ExpressionError]]"
"""Reading positions in the document, and what went wrong there."""

Fill: TypeAlias = Callable[[Scope, Failures], Any]

Late: TypeAlias = Mapping[tuple[str, ...], frozenset[str]]
"""Members that keep their expressions (they are evaluated when a version is recorded): path -> further names."""


class _Unfilled:
    """Stands for a value that could not be evaluated."""

    def __repr__(self) -> str:
        return "UNFILLED"


UNFILLED = _Unfilled()


@dataclass(slots=True)
class Tree:
    """A compiled document.

    items: reading position of each value that depends on `item` -> its template. settled: reading position of each
    other value with an expression -> what it became. constant: its data where nothing
    depends on `item`. failures: what could not be compiled, or evaluated without an item.
    """

    document: Document
    scope: Scope
    items: dict[int, Template] = field(default_factory=dict)
    settled: dict[int, Any] = field(default_factory=dict)
    failures: Failures = field(default_factory=list)
    _fill: Fill | None = None
    constant: Any = None
    fixed_keys: bool = True
    _places: dict[tuple[Step, ...], tuple[int, int, int]] = field(default_factory=dict)

    def find(self, path: tuple[Step, ...]) -> tuple[int, int, int]:
        """`Document.find`, looked up once for all items: for documents without expressions in their keys."""
        found = self._places.get(path)
        if found is None:
            found = self._places[path] = self.document.find(path)
        return found

    def fill(self, item: Any) -> tuple[Any, Failures]:
        """The document's data for one item; a value that has none is `UNFILLED` and stands among the failures."""
        if self._fill is None:
            return self.constant, []
        failures: Failures = []
        return self._fill({**self.scope, "item": item}, failures), failures

    def name(self, text: str, item: Any) -> str:
        """A key with its expressions evaluated."""
        if "{{" not in text:
            return text
        try:
            return str(compile_text(text).render({**self.scope, "item": item}))
        except ExpressionError:
            return text


def compile_document(document: Document, scope: Scope, *, with_item: bool, late: Late) -> Tree:
    """Compiles a document's data; `forEach` is left out, and expressions may use `item` only with one."""
    tree = Tree(document, scope)
    names = frozenset(scope) | {"item"} if with_item else frozenset(scope)
    compiler = _Compiler(tree, names, late)
    constant, result = compiler.node(document.data, 0, ())
    if constant:
        tree.constant = result
    else:
        tree._fill = result
    return tree


def evaluate_part(document: Document, path: tuple[str, ...], scope: Scope) -> tuple[Any, Failures]:
    """One member of a document with its expressions evaluated, without `item`."""
    tree = Tree(document, scope)
    _, at, _ = document.find(path)
    node = document.data
    for name in path:
        node = node[name]
    constant, result = _Compiler(tree, frozenset(scope), {}, skip=frozenset()).node(node, at, path)
    # A key with an expression is made at the end, also where no item takes part.
    return result if constant else result(scope, tree.failures), tree.failures


@dataclass(slots=True)
class _Compiler:
    tree: Tree
    names: frozenset[str]
    late: Late
    skip: frozenset[str] = frozenset({"forEach"})

    def node(self, node: Any, at: int, path: tuple[str, ...]) -> tuple[bool, Any]:
        """A value: whether it is constant, and then its data, else what fills it in."""
        if type(node) is str:
            return self._text(node, at, path) if "{{" in node else (True, node)
        if type(node) is dict:
            return self._mapping(node, at, path)
        if type(node) is list:
            return self._list(node, at, path)
        return True, node

    def _text(self, text: str, at: int, path: tuple[str, ...]) -> tuple[bool, Any]:
        further = self.late.get(path)
        try:
            template = compile_text(text, self.names | further if further else self.names)
            if further is not None or "item" not in template.names:
                value = self.tree.settled[at] = text if further is not None else template.render(self.tree.scope)
                return True, value
            template = template.given(self.tree.scope)
        except ExpressionError as error:
            self.tree.failures.append((at, error))
            return True, UNFILLED
        self.tree.items[at] = template
        render = template.render

        def fill(scope: Scope, failures: Failures) -> Any:
            try:
                return render(scope)
            except ExpressionError as error:
                failures.append((at, error))
                return UNFILLED

        return False, fill

    def _mapping(self, node: dict[str, Any], at: int, path: tuple[str, ...]) -> tuple[bool, Any]:
        members: list[tuple[bool, Any, bool, Any, int]] = []
        for key_at, value_at, name, child in children(node, at):
            assert isinstance(name, str)
            if not path and name in self.skip:
                continue
            fixed, key = self._text(name, key_at, ()) if "{{" in name else (True, name)
            self.tree.fixed_keys &= "{{" not in name
            constant, value = self.node(child, value_at, (*path, name))
            members.append((fixed, key, constant, value, key_at))
        if not all(fixed for fixed, *_ in members) or any(type(key) is not str for fixed, key, *_ in members if fixed):
            return False, self._free_mapping(members)
        if len({key for _, key, *_ in members}) < len(members):
            return False, self._free_mapping(members)
        base = {key: value if constant else None for _, key, constant, value, _ in members}
        open_members = tuple((key, value) for _, key, constant, value, _ in members if not constant)
        if not open_members:
            return True, base

        def fill(scope: Scope, failures: Failures) -> dict[str, Any]:
            filled = base.copy()
            for key, value in open_members:
                filled[key] = value(scope, failures)
            return filled

        return False, fill

    def _free_mapping(self, members: list[tuple[bool, Any, bool, Any, int]]) -> Fill:
        """A mapping whose keys hold expressions: each must become a text of its own."""

        def fill(scope: Scope, failures: Failures) -> dict[str, Any]:
            filled: dict[str, Any] = {}
            for fixed, key, constant, value, key_at in members:
                name = key if fixed else key(scope, failures)
                if name is UNFILLED:
                    continue
                if type(name) is not str or name in filled:
                    what = f'the key "{name}" twice' if type(name) is str else "a key that is no text"
                    failures.append(
                        (key_at, ExpressionError(f"the expression makes {what}", "Change the key.", "RC104"))
                    )
                    continue
                filled[name] = value if constant else value(scope, failures)
            return filled

        return fill

    def _list(self, node: list[Any], at: int, path: tuple[str, ...]) -> tuple[bool, Any]:
        entries = [self.node(child, value_at, (*path, "*")) for _, value_at, _, child in children(node, at)]
        if all(constant for constant, _ in entries):
            return True, [value for _, value in entries]

        def fill(scope: Scope, failures: Failures) -> list[Any]:
            return [value if constant else value(scope, failures) for constant, value in entries]

        return False, fill


def is_expression(data: Any, path: Sequence[Step]) -> bool:
    """Whether a value as written is an expression, or stands under a key that is one."""
    node = data
    for step in path:
        if isinstance(step, str) and "{{" in step:
            return True
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(node, str) and "{{" in node
