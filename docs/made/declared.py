"""What a module declares in public: read from its source, so that types stand as they are written there."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType


@dataclass(frozen=True)
class Method:
    """A method or property with its signature, and its docstring."""

    signature: str
    about: str


@dataclass(frozen=True)
class Declared:
    """A class, function, alias or constant. `head` is its first line as code; `fields` are name, type and
    default of what a class holds."""

    name: str
    head: str
    about: str
    bases: tuple[str, ...] = ()
    fields: tuple[tuple[str, str, str], ...] = ()
    methods: tuple[Method, ...] = field(default=())

    @property
    def is_protocol(self) -> bool:
        return any(base.split(".")[-1] == "Protocol" for base in self.bases)


def declarations(module: ModuleType) -> Mapping[str, Declared]:
    """What a module declares without a leading underscore, in its order."""
    body = ast.parse(inspect.getsource(module)).body
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.ClassDef(name=name):
                found[name] = _class(node)
            case ast.FunctionDef(name=name):
                found[name] = Declared(name, _signature(node), _about(node))
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = Declared(name, ast.unparse(node), _text(after))
    return {name: told for name, told in found.items() if not name.startswith("_")}


def _class(node: ast.ClassDef) -> Declared:
    bases = tuple(ast.unparse(base) for base in node.bases)
    return Declared(
        node.name, f"class {node.name}", _about(node), bases, tuple(_fields(node)), tuple(_methods(node))
    )


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id, ast.unparse(part.annotation), _default(part.value)


def _default(value: ast.expr | None) -> str:
    match value:
        case None:
            return ""
        case ast.Call(func=ast.Name(id="field"), keywords=[ast.keyword(arg="default_factory", value=made)]):
            return "{}" if ast.unparse(made) == "dict" else f"{ast.unparse(made)}()"
    return ast.unparse(value)


def _methods(node: ast.ClassDef) -> Iterator[Method]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
            yield Method(_signature(part), _about(part))


def _signature(node: ast.FunctionDef) -> str:
    if any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list):
        return f"{node.name}: {ast.unparse(node.returns) if node.returns else 'Any'}"
    node.args.args = [argument for argument in node.args.args if argument.arg != "self"]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


def _about(node: ast.ClassDef | ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""


def _text(node: ast.stmt | None) -> str:
    """A docstring below an assignment."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
    return ""
