"""Python files of the user's, named from the project's folder, in which jobs run."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

from latent_atlas.config.metrics import OWN
from latent_atlas.errors import InputError


def metric_functions(path: Path, where: str) -> dict[str, tuple[str, str]]:
    """Name of each metric → unit and meaning, which its docstring's first line gives as
    "unit: meaning"; the file is read and not run. InputError where a function does not say
    them."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"{where}: key own_metrics: {path}: cannot be read ({error}); mend it"
        ) from None
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            unit, colon, meaning = (part.strip() for part in first.partition(":"))
            if not (unit and colon and meaning):
                raise InputError(
                    f"{where}: key own_metrics: {path}: {node.name}: found {first!r} as its "
                    'docstring\'s first line; write """unit: meaning"""'
                )
            found[OWN + node.name] = (unit, meaning)
    return found


def load_file(path: Path, key: str) -> ModuleType:
    """A Python file of the user's, run as a module. InputError where that fails."""
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            f"key {key}: {path}: cannot be run ({type(error).__name__}: {error}); mend it"
        ) from error
    return module
