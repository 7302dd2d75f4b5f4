"""A short version of `make faults`: of what it does at length, something of each kind once."""

import shutil
import subprocess

import pytest
from faults.kills import KINDS, STAGES, reference, run_chain, seconds_of
from faults.others import FAULTS
from faults.server import slow_server

MOUNTING = {"full disk", "read-only results"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with slow_server() as downloaded:
        yield reference(tmp_path_factory.mktemp("faults") / "reference", downloaded)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["download", "training"])
def test_a_chain_of_kills_leaves_no_trace(whole, tmp_path, stage):
    longest = seconds_of(whole, tmp_path / "timed", STAGES[stage])
    chain = run_chain(whole, tmp_path / "chain", STAGES[stage], longest, kills=2, seed=0)
    assert chain.survived, chain
    assert chain.kills.total() == 2
    assert set(chain.kills) <= set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["full disk", "read-only results", "corrupted weights", "corrupted download"]
)
def test_a_fault_is_told_of_and_mended(whole, tmp_path, name):
    if name in MOUNTING and not may_mount():
        pytest.skip("mounts need user namespaces")
    assert FAULTS[name][len(FAULTS[name]) // 2](whole, whole.copy(tmp_path / "copy")) == []


def may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
