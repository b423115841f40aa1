"""What the source says beside a field: the comment at the end of its lines, else the one on the lines before it.

pa.field("status", pa.int16()),  # HTTP status; null where there was no HTTP answer
"""

import ast
import inspect
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module


@dataclass(slots=True)
class Said:
    """What is said of a field, and of the fields within it, by name."""

    text: str = ""
    within: dict[str, "Said"] = field(default_factory=dict)


def fields_of(module: str, *names: str) -> dict[str, Said]:
    """What the module says of the fields of its schemas, structs, tuples or functions of these names; later ones win."""
    found: dict[str, Said] = {}
    for name in names:
        found |= _fields(module, _Source.of(module).assigned[name])
    return found


def assigns(module: str, name: str) -> bool:
    """Whether the module makes what it holds under this name, and did not import it."""
    return name in _Source.of(module).assigned


def before(module: str, name: str) -> str:
    """The comment on the lines right before an assignment; empty where there is none."""
    source = _Source.of(module)
    return source.above(source.assigned[name].lineno)


@dataclass(frozen=True, slots=True)
class _Source:
    """A module's comments by line (those that stand alone apart), its top-level names, and where imported ones come from."""

    lines: tuple[str, ...]
    beside: Mapping[int, str]
    alone: Mapping[int, str]
    assigned: Mapping[str, ast.stmt]
    imported: Mapping[str, str]

    @staticmethod
    @cache
    def of(module: str) -> "_Source":
        text = inspect.getsource(import_module(module))
        beside: dict[int, str] = {}
        alone: dict[int, str] = {}
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and not token.string.startswith(("# fmt:", "# noqa", "# type:")):
                stands_alone = token.line[: token.start[1]].strip() == ""
                (alone if stands_alone else beside)[token.start[0]] = token.string.removeprefix("#").strip()
        assigned: dict[str, ast.stmt] = {}
        imported: dict[str, str] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                assigned |= {target.id: node for target in targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.FunctionDef):
                assigned[node.name] = node
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {alias.name: node.module for alias in node.names}
        return _Source(tuple(text.split("\n")), beside, alone, assigned, imported)

    def above(self, line: int) -> str:
        """The comment that stands alone on the lines right before this one."""
        found: list[str] = []
        while (line := line - 1) in self.alone:
            found.insert(0, self.alone[line])
        return " ".join(found)

    def said(self, node: ast.expr) -> str:
        """What is said of what stands on the lines of a node."""
        assert node.end_lineno is not None
        lines = range(node.lineno, node.end_lineno + 1)
        beside = " ".join(self.beside[line] for line in lines if line in self.beside)
        opens_line = not self.lines[node.lineno - 1][: node.col_offset].strip()
        return beside or (self.above(node.lineno) if opens_line else "")


def _fields(module: str, node: ast.AST) -> dict[str, Said]:
    """The fields named within a node, those of names it refers to included."""
    found: dict[str, Said] = {}
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Call(
                func=ast.Attribute(attr="field") | ast.Name(id="_needed"), args=[ast.Constant(value=str(name)), *rest]
            ):
                found[name] = _field(module, child, rest)
            case ast.Name(id=name, ctx=ast.Load()) if place := _home(module, name):
                found |= _fields(*place)
            case _:
                found |= _fields(module, child)
    return found


def _field(module: str, call: ast.Call, types: list[ast.expr]) -> Said:
    """What is said of a field; of its named type, where the field has no comment of its own."""
    text = _Source.of(module).said(call)
    for kind in types:
        if not text and isinstance(kind, ast.Name) and (place := _home(module, kind.id)):
            text = _Source.of(place[0]).above(place[1].lineno)
    return Said(text, _fields(module, ast.Tuple(elts=types)))


def _home(module: str, name: str) -> tuple[str, ast.stmt] | None:
    """The module of `schemas/` that assigns a name used here, and the statement; null for other names."""
    source = _Source.of(module)
    home = source.imported.get(name, module)
    if not home.startswith("schemas."):
        return None
    statement = _Source.of(home).assigned.get(name)
    return (home, statement) if statement is not None else None
