"""Imports run one way, down the data's way; torch only where something is trained."""

import ast
import subprocess
import sys

from conftest import ROOT

PACKAGE = ROOT / "workflow/latent_atlas"
ORDER = (
    "config",
    "datasets",
    "models",
    "training",
    "classification",
    "tuning",
    "latents",
    "exchange",
    "evaluation",
    "claims",
    "figures",
    "report",
    "commands",
)
LIGHT = ("config", "claims", "figures", "report", "commands")


def test_a_stage_imports_only_stages_before_it():
    for path in PACKAGE.rglob("*/*.py"):
        stage = path.relative_to(PACKAGE).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latent_atlas."):
                other = node.module.split(".")[1]
                if other in ORDER:
                    assert ORDER.index(other) <= ORDER.index(stage), f"{path}: {node.module}"


def test_torch_is_not_imported_where_nothing_is_trained():
    modules = [
        ".".join(("latent_atlas", *path.relative_to(PACKAGE).with_suffix("").parts))
        for stage in LIGHT
        for path in (PACKAGE / stage).glob("*.py")
        if path.stem != "__init__"
    ]
    code = f"import {', '.join(modules)}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
