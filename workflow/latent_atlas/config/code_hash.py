"""A content hash of the code behind a rule's script: same behaviour, same hash, whatever the
formatting, comments or docstrings."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from latent_atlas.config.loading import PACKAGE, REPOSITORY
from latent_atlas.files import sha256_json

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def code_hash(script: str | Path, *modules: str | Path) -> str:
    """Of `module_hashes`, 16 hexadecimal digits."""
    return sha256_json(module_hashes(script, *modules))[:16]


@cache
def module_hashes(script: str | Path, *modules: str | Path) -> dict[str, str]:
    """Of a script, the `modules` by name or file, and every module of the package that one of these
    imports, directly or not; by their paths in `workflow/`."""
    files = (m.resolve() if isinstance(m, Path) else _module_file(m) for m in modules)
    found = _closure(Path(script).resolve(), *filter(None, files))
    return {_name(path): _parsed(path)[0] for path in sorted(found)}


def _name(path: Path) -> str:
    folders = (REPOSITORY / "workflow", PACKAGE.parent)
    found = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
    return str(path.relative_to(found))


def _closure(*paths: Path) -> set[Path]:
    found, waiting = set(), list(paths)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_parsed(path)[1])
    return found


@cache
def _parsed(path: Path) -> tuple[str, frozenset[Path]]:
    """A file's own hash, and the modules of the package that it imports."""
    tree, names = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    ours = (name for name in names if name.split(".")[0] == PACKAGE.name)
    modules = frozenset(module for name in ours if (module := _module_file(name)))
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16], modules


def _module_file(name: str) -> Path | None:
    base = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
