"""The code hash follows behaviour, not text."""

from latent_atlas.config import code_hash as module
from latent_atlas.config.code_hash import code_hash, module_hashes
from latent_atlas.config.jobs import Jobs
from latent_atlas.config.networks import NETWORKS
from latent_atlas.config.paths import Paths


def hash_of(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    for cached in (code_hash, module_hashes, module._parsed):
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
    assert any(path.name == "loop.py" for path in train)
    assert not any("/figures/" in str(path) or "/claims/" in str(path) for path in train)


def test_reading_the_configuration_anew_trains_nothing_anew(published):
    """Jobs get their part of the configuration as a parameter; its loader is no code of theirs."""
    for script in ("dataset", "train", "latents", "embed", "evaluate", "figure"):
        closure = module._closure(published.root / f"workflow/scripts/{script}.py")
        config = {path.name for path in closure if path.parent.name == "config"}
        assert not {"project.py", "studies.py", "paths.py", "loading.py"} & config, script


def test_a_familys_file_concerns_its_own_experiments_alone(published):
    """Of all that trains, decodes or measures models."""
    files = {path.partition(".")[0] for path in NETWORKS.values()}
    assert len(files) > 4
    jobs = Jobs(Paths(published))
    for rule in ("train", "latents", "evaluate", "sweep"):
        script = published.root / f"workflow/scripts/{rule}.py"
        of_all = {
            name for name in files if f"latent_atlas/models/{name}.py" in module_hashes(script)
        }
        assert of_all == set(), rule
    codes = {name: jobs.code("train", {"experiment": name}) for name in published.experiments}
    by_family = {}
    for name, code in codes.items():
        by_family.setdefault(published.family_of(name), set()).add(code)
    assert all(len(of_family) == 1 for of_family in by_family.values())
    assert by_family["gan"] != by_family["mlp-vae"] != by_family["conv-vae"]
    assert len({jobs.code("embed", {"experiment": name}) for name in codes}) == 1
    modules = module_hashes(script, "latent_atlas.models.gan")
    assert {"latent_atlas/models/gan.py", "latent_atlas/models/image.py"} <= modules.keys()


def test_where_the_code_lies_does_not_count(published, monkeypatch):
    monkeypatch.chdir(published.root)
    script = "workflow/scripts/train.py"
    assert code_hash(script) == code_hash(published.root / script)
