"""Malformed input ends in a named error, never in a traceback, and changes nothing."""

import io
import random

import numpy as np
import pytest
import yaml
from conftest import ROOT, idx_bytes
from faults.inputs import (
    WRONG,
    Case,
    configuration_outcomes,
    dataset_outcome,
    file_cases,
    leaves,
    replaced,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from test_own_images import FILES, arrays
from test_reconstruct import save

from latent_atlas.config.loading import validated
from latent_atlas.config.studies import StudyConfig
from latent_atlas.datasets.arrays import read_arrays
from latent_atlas.datasets.idx import parse_idx
from latent_atlas.datasets.images import decode_image
from latent_atlas.errors import InputError
from latent_atlas.exchange.matlab import open_images

CASES = file_cases()
FUZZED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def test_there_are_enough_and_no_two_are_the_same():
    assert len({(case.kind, case.name) for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_a_malformed_file_is_named(case: Case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = dataset_outcome(case, tmp_path)
    assert outcome.error, "it was taken"
    assert not outcome.faults, outcome.error
    assert not (tmp_path / "unpickled").exists()


def test_malformed_configurations_are_named():
    outcomes = list(configuration_outcomes())
    assert [o for o in outcomes if o.faults] == []
    refused = [o for o in outcomes if o.error]
    assert len(refused) > 1000
    assert all(o.error.startswith(("c.yaml", "d.yaml", "config/")) for o in refused)


STUDIES = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "config/studies").glob("*.yaml"))
}
VALUES = st.sampled_from(WRONG) | st.text(max_size=5) | st.integers() | st.floats()


@FUZZED
@given(st.sampled_from(sorted(STUDIES)), st.randoms(use_true_random=False), VALUES)
def test_a_malformed_study_is_named(name: str, rng: random.Random, value: object):
    study = STUDIES[name]
    changed = replaced(study, rng.choice(list(leaves(study))), value)
    try:
        validated(StudyConfig, changed, "s.yaml")
    except InputError as error:
        assert str(error).startswith("s.yaml: key")


def spoilt(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with a part cut out, doubled or put in the place of another, or some bytes changed."""

    def change(parts: tuple[int, int, bytes]) -> bytes:
        first, last, new = parts
        return data[:first] + new + data[last:]

    places = st.integers(0, len(data))
    return st.tuples(places, places, st.binary(max_size=8)).map(change)


@FUZZED
@given(spoilt(idx_bytes(np.arange(12).reshape(3, 2, 2))))
def test_a_spoilt_idx_file(payload):
    try:
        assert parse_idx(payload, "x").dtype == np.uint8
    except InputError as error:
        assert str(error).startswith("x: ")


@FUZZED
@given(
    st.sampled_from(["cats/1.png", "cats/3.jpg", "dogs/2.gif"]).flatmap(lambda n: spoilt(FILES[n]))
)
def test_a_spoilt_image(data):
    try:
        assert decode_image(data, "x", [3, 8, 8]).shape == (3, 8, 8)
    except InputError as error:
        assert str(error).startswith("x: ")


def stored(kind: str) -> bytes:
    buffer = io.BytesIO()
    contents = {"x": np.zeros((5, 3, 8, 8), np.uint8), "y": np.array([0, 0, 0, 1, 1])}
    if kind == "npz":
        np.savez(buffer, **contents)
    else:
        savemat(buffer, contents)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["npz", "mat"])
def test_a_spoilt_file_of_arrays(kind, tmp_path, published):
    path = tmp_path / f"own.{kind}"
    own = validated(type(published.datasets["mnist"]), arrays(path, "NCHW"), "own.yaml")

    @FUZZED
    @given(spoilt(stored(kind)))
    def spoil(data):
        path.write_bytes(data)
        try:
            read_arrays(own)
        except InputError as error:
            assert str(path) in str(error)

    spoil()


@pytest.mark.parametrize("version", ["v7", "v7.3"])
def test_a_spoilt_matlab_file(version, tmp_path):
    path = save(tmp_path / "a.mat", version, {"input_images": np.zeros((3, 784))})
    whole = path.read_bytes()

    @FUZZED
    @given(spoilt(whole))
    def spoil(data):
        path.write_bytes(data)
        try:
            with open_images(path, None) as (images, _):
                images.read(slice(0, images.count))
        except InputError as error:
            assert str(path) in str(error)

    spoil()
