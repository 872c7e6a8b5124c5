"""The training loop of both networks: one cycle of the learning rate, the best epoch kept.

Resumable: the state after each epoch is written to `state.pt` (read with `weights_only`) and a
later call goes on from it. Reference: Smith & Topin 2019 (one-cycle schedule), Loshchilov & Hutter,
ICLR 2019 (decoupled weight decay).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from suwen.core.errors import NotFound
from suwen.core.settings import settings
from suwen.lifecycle.recipe import Recipe

Draw = tuple[Callable[..., Any], Any]
"""A function of (item, rng) and the item it draws a training example from."""
STATE: Final = "state.pt"
WARM_UP: Final = 0.15
"""Share of the steps with a rising learning rate."""


@dataclass(frozen=True)
class Schedule:
    """How long and how to train, where the state is kept, and what is done between epochs.

    `keep_last`: the last epoch's weights are kept instead of the best epoch's. For training on
    strongly varied examples, where the loss on plain ones is a poor judge of early epochs.

    `before` is called before each epoch but the first with the number of finished ones.
    """

    recipe: Recipe
    folder: Path
    keep_last: bool = False
    before: Callable[[int], None] = lambda finished: None

    @property
    def state(self) -> Path:
        """File with the state after the last finished epoch."""
        return self.folder / STATE


def train_network(
    network: nn.Module,
    schedule: Schedule,
    epoch: Callable[[np.random.Generator], Sequence[Draw]],
    loss: Callable[[nn.Module, list[Any]], Tensor],
    checks: list[Any],
) -> list[dict[str, float]]:
    """Train in place, leave the best epoch's weights in `network`, return the learning curve.

    Parameters
    ----------
    network
        What is trained.
    schedule
        How long, and where the state is kept.
    epoch
        Returns one epoch's draws, in order.
    loss
        Loss of a batch of what the draws return.
    checks
        Fixed examples of other patients; their loss decides which epoch is kept.
    """
    recipe = schedule.recipe
    torch.set_num_threads(settings().threads)
    network.to(memory_format=torch.channels_last)
    steps = max(1, len(epoch(np.random.default_rng(0))) // recipe.batch_size)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=recipe.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * steps + 1, pct_start=WARM_UP
    )
    progress = _resume(network, optimiser, rate, schedule)
    with Progress(transient=True) as bar:
        task = bar.add_task("epochs", total=recipe.epochs, completed=len(progress["history"]))
        while len(progress["history"]) < recipe.epochs:
            if number := len(progress["history"]):
                schedule.before(number)
            rng = np.random.default_rng([recipe.seed, number])
            torch.manual_seed(recipe.seed * 1000 + number)
            draws = epoch(rng)
            network.train()
            total = 0.0
            for step in range(steps):
                chosen = draws[step * recipe.batch_size : (step + 1) * recipe.batch_size]
                value = loss(network, [make(item, rng) for make, item in chosen])
                total += _step(value, optimiser, rate)
            checked = _check(network, loss, checks, recipe.batch_size)
            progress["history"].append(
                {"epoch": float(number + 1), "train_loss": total / steps, "valid_loss": checked}
            )
            _note_best(progress, network, checked)
            _keep(network, optimiser, rate, schedule, progress)
            bar.advance(task)
            if progress["since"] >= recipe.patience:
                break
    if not schedule.keep_last:
        network.load_state_dict(progress["weights"])
    history: list[dict[str, float]] = progress["history"]
    return history


def _step(
    value: Tensor, optimiser: torch.optim.Optimizer, rate: torch.optim.lr_scheduler.OneCycleLR
) -> float:
    """Take one step down the slope of a batch's loss and return that loss."""
    optimiser.zero_grad()
    value.backward()
    optimiser.step()
    rate.step()
    return float(value.item())


def _note_best(progress: dict[str, Any], network: nn.Module, checked: float) -> None:
    """Keep the weights when they are the best so far, else count the epochs without gain."""
    if checked < progress["best"]:
        progress["best"], progress["since"] = checked, 0
        progress["weights"] = {k: v.clone() for k, v in network.state_dict().items()}
    else:
        progress["since"] += 1


def _check(network: nn.Module, loss: Callable[..., Tensor], checks: list[Any], size: int) -> float:
    network.eval()
    with torch.no_grad():
        parts = [checks[i : i + size] for i in range(0, len(checks), size)]
        total = sum(float(loss(network, part).item()) * len(part) for part in parts)
    return total / max(1, len(checks))


def finished(folder: Path) -> tuple[dict[str, Tensor], int]:
    """Return the weights that a member of an earlier run was left with, and its epochs.

    Raises
    ------
    NotFound
        That folder holds no state of a training.
    """
    path = folder / STATE
    if not path.is_file():
        raise NotFound(
            f"no {STATE} of {folder.name} in the run {folder.parent.name}",
            "an earlier run of this task in the same SUWEN_HOME",
            "name one as options.start, or leave it out to start from ImageNet weights",
        )
    kept = torch.load(path, weights_only=True)
    return kept["weights"], len(kept["history"])


def _resume(network: nn.Module, optimiser: Any, rate: Any, schedule: Schedule) -> dict[str, Any]:
    start: dict[str, Any] = {"history": [], "best": float("inf"), "since": 0, "weights": {}}
    if not schedule.state.is_file():
        return start
    kept: dict[str, Any] = torch.load(schedule.state, weights_only=True)
    network.load_state_dict(kept.pop("network"))
    optimiser.load_state_dict(kept.pop("optimiser"))
    rate.load_state_dict(kept.pop("rate"))
    return kept


def _keep(
    network: nn.Module,
    optimiser: Any,
    rate: Any,
    schedule: Schedule,
    progress: dict[str, Any],
) -> None:
    """Write the state beside its old version and then replace that, so a crash keeps one."""
    fresh = schedule.state.with_suffix(".new")
    torch.save(
        {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "rate": rate.state_dict(),
            **progress,
        },
        fresh,
    )
    fresh.replace(schedule.state)
