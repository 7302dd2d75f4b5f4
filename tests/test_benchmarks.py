import pytest
from benchmarks import nets, rivals
from benchmarks.cases import CASES
from benchmarks.contest import contenders
from benchmarks.floor import Rates, floor


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rivals_train_the_same_network(case):
    """A rival that is smaller would be faster for nothing."""
    experiment = case.settings()
    decoded_alone = experiment.model.family == "auto-decoder"
    rival = nets.auto_decoder(experiment) if decoded_alone else rivals.Network(experiment)
    rivals.check_size(rival, experiment)


@pytest.mark.parametrize("case", CASES)
def test_contenders_have_names_of_their_own(case):
    entered = contenders(case)
    assert len({contender.name for contender in entered}) == len(entered)


def test_the_floor_of_an_auto_decoder():
    """By hand: 32 batches of 32 rows through 64-128-256-512-784, forward, by input and by weight;
    two FLOPs each. Codes alone need no gradient by weight."""
    weights = 64 * 128 + 128 * 256 + 256 * 512 + 512 * 784
    least = floor(CASES["auto-decoder"], Rates(1.0, 1.0))
    assert least.arithmetic == 32 * 3 * 2 * 32 * weights
    assert floor(CASES["latents-1000"], Rates(1.0, 1.0)).arithmetic == 2 * 2 * weights
