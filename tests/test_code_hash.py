"""The code hash follows behaviour, not text."""

from latent_atlas.config import code_hash as module
from latent_atlas.config.code_hash import code_hash


def hash_of(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    for cached in (module._tree, module._imports, module._normalised):
        cached.cache_clear()
    return code_hash(path)


def test_comments_docstrings_and_layout_do_not_count(tmp_path):
    before = hash_of(tmp_path, 'def f(x):\n    """Doc."""\n    return x + 1\n')
    after = hash_of(tmp_path, "# remark\ndef f( x ):\n    return (x + 1)\n")
    assert before == after
    assert before != hash_of(tmp_path, "def f(x):\n    return x + 2\n")


def test_imports_of_the_package_count_and_others_do_not(tmp_path):
    plain = hash_of(tmp_path, "import numpy\n")
    ours = hash_of(tmp_path, "from latent_atlas.evaluation import paths\n")
    assert plain != ours
    script = tmp_path / "script.py"
    names = {path.name for path in module._closure(script)}
    assert {"script.py", "paths.py"} <= names
    assert "loop.py" not in names


def test_a_figure_does_not_depend_on_models(published):
    root = published.root / "workflow/scripts"
    figure = module._closure(root / "figure.py")
    train = module._closure(root / "train.py")
    assert not any("/models/" in str(path) or "/training/" in str(path) for path in figure)
    assert any(path.name == "auto_decoder.py" for path in train)
    assert not any("/figures/" in str(path) or "/claims/" in str(path) for path in train)


def test_reading_the_configuration_anew_trains_nothing_anew(published):
    """Jobs get their part of the configuration as a parameter; its loader is no code of theirs."""
    for script in ("dataset", "train", "latents", "embed", "evaluate", "figure"):
        closure = module._closure(published.root / f"workflow/scripts/{script}.py")
        config = {path.name for path in closure if path.parent.name == "config"}
        assert not {"project.py", "studies.py", "paths.py", "loading.py"} & config, script
