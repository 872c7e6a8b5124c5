"""A training can go on from the member of an earlier run."""

import pytest
import torch

from suwen.core.errors import NotFound
from suwen.imaging.learning.training import STATE, Schedule, finished, train_network
from suwen.lifecycle.recipe import Recipe


def trained(folder, epochs=3):
    """One weight that learns to be 2, as a member that was trained."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1, bias=False)

    def loss(net, batch):
        return (net.weight - 2).pow(2).sum() * len(batch) / len(batch)

    recipe = Recipe(epochs=epochs, patience=epochs, batch_size=4, learning_rate=0.05)
    train_network(
        network,
        Schedule(recipe, folder),
        lambda rng: [(lambda item, rng: item, 0)] * 8,
        loss,
        [0],
    )
    return network


def test_the_weights_it_was_left_with_and_its_epochs_are_found_again(tmp_path):
    network = trained(tmp_path / "run" / "member-1")
    weights, epochs = finished(tmp_path / "run" / "member-1")
    assert epochs == 3
    assert torch.equal(weights["weight"], network.weight)


def test_a_member_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(NotFound, match=f"no {STATE} of member-2 in the run somewhere"):
        finished(tmp_path / "somewhere" / "member-2")
