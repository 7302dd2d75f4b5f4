"""YAML into configuration models, and the wording of their errors."""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from latent_atlas.config.base import Config
from latent_atlas.errors import InputError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]
if not (REPOSITORY / "workflow/scripts").is_dir():
    REPOSITORY = PACKAGE / "repository"
"""Scripts, templates and configuration that came with the package: the checkout that it lies in, or
what its wheel holds of that."""
DEFAULTS = "config/config.yaml"
SEARCHED = "PYTHONPATH"


def configuration_root() -> Path:
    """The folder of `config/`: the present one where that has studies, else what came with the
    package."""
    here = Path()
    return here if (here / "config/studies").is_dir() else REPOSITORY


def expose_package() -> None:
    """Let jobs in environments or images of their own find the package in this checkout."""
    if PACKAGE.parent == REPOSITORY / "workflow":
        others = os.environ.get(SEARCHED, "").split(os.pathsep)
        kept = [path for path in others if path not in ("", str(PACKAGE.parent))]
        os.environ[SEARCHED] = os.pathsep.join([str(PACKAGE.parent), *kept])


def validated(model: type[Config], data: object, where: str) -> Any:
    """`data` as a `model`, or an InputError naming `where`, the key, the value, what is allowed."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: found {type(data).__name__}, expected a mapping of keys")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [_explain(problem, where) for problem in error.errors()]
        raise InputError("\n".join(lines)) from None


def _explain(problem: dict, where: str) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{where}: key {key} is missing; add it"
    if message.startswith("unknown key"):
        return f"{where}: key {key}: {message}"
    return f"{where}: key {key}: found {problem['input']!r}; {message}"


def load_yaml(path, where: str) -> object:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return yaml.load(file, LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = " ".join(str(error).split())
        raise InputError(f"{where}: not valid YAML ({place}); mend the file") from None
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None


def deep_merge(base: dict, overlay: dict) -> dict:
    """`overlay` over `base`: mappings merge key by key, anything else is replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = deep_merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def with_defaults(settings: dict) -> dict:
    """`settings` over those of `config/config.yaml`, here and as it came with the package."""
    for folder in (configuration_root(), REPOSITORY):
        if (folder / DEFAULTS).exists():
            settings = deep_merge(load_yaml(folder / DEFAULTS, DEFAULTS), settings)
    return settings
