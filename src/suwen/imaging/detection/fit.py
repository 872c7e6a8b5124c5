"""Training of one member of the nodule detector.

Each epoch shows of every slice a crop near a nodule and a crop elsewhere in the lungs, from some
epoch on at a place where the network itself raised a false alarm (hard negative mining), and
slices of the LIDC nodule crops.

Reference: Shrivastava et al., CVPR 2016 (hard examples).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.core.errors import MissingExtra
from suwen.imaging.detection.detector import (
    DETECTION,
    PARTS,
    Detectors,
    marks_of,
    slice_maps,
)
from suwen.imaging.detection.draws import (
    BESIDE_MM,
    CROP,
    Drawn,
    Shown,
    draw_elsewhere,
    draw_lidc,
    draw_near,
    shown_of,
    still,
)
from suwen.imaging.learning.hardening_ct import Windows, made_worse
from suwen.imaging.learning.members import counterpart
from suwen.imaging.nodules.data import LIDC, Crop, read_crop, read_nodules
from suwen.imaging.volumes.patches import LUNG_WINDOW, Floats
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.split import fold_of

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS: Final = "net.onnx"
BLOCKS: Final = 11
FROZEN: Final = 2
WIDTH: Final = 64
"""Channels of the pyramid."""
LIDC_SHARE: Final = 0.7
"""LIDC crops shown in an epoch, as a share of all."""
MINED_EVERY: Final = 3
"""Epochs between two searches for false alarms among the training slices."""
MINED_EACH: Final = 6
"""False alarms kept of one slice."""
MINED_LOGIT: Final = -3.0
MINED: Final = "false-alarms.json"
CURRENT: Final = "current"
"""The start that is the current pack."""
STARTING_CROPS: Final = 256
"""Draws that the normalisations of a network from a pack are measured on."""
WINDOWS: Final = Windows(
    slopes=tuple(2 / (wide * (LUNG_WINDOW[1] - LUNG_WINDOW[0])) for _, wide in PARTS),
    low=(-1.0,) * len(PARTS),
    high=(1.0,) * len(PARTS),
)


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`.

    `recipe.options["start"]` names an earlier run of the same data and folds, or says `current` for
    the current pack: its member of the same number is trained on, so that no member sees what it is
    measured on. `corrupt` is the share
    of training crops whose slice is changed as the robustness card changes it, and `adversarial`
    the largest change in HU of crops made worse by one step along the network's own slope.
    """
    try:
        import torch

        from suwen.imaging.learning.backbone import ORIGIN, Backbone
        from suwen.imaging.learning.networks import DetectionNet, export
        from suwen.imaging.learning.training import Schedule, finished, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    torch.manual_seed(recipe.seed)
    pretrained = recipe.options.get("pretrained", True)
    backbone = Backbone(BLOCKS, FROZEN if pretrained else 0, pretrained)
    network = DetectionNet(backbone, WIDTH, recipe.dropout)
    slices, kept = shown_of(train), shown_of(valid)
    crops = _lidc_crops(train, valid, recipe)
    alarms = _Alarms(network, slices, folder / MINED, recipe)
    checks = [still(one, place) for one in kept for place in one.places if place[3]]

    epoch = partial(_epoch, slices, crops, alarms, float(recipe.options.get("corrupt", 0.0)))
    before = 0
    if (start := recipe.options.get("start")) == CURRENT:
        before = _go_on(network, recipe, folder.name, epoch)
    elif start:
        weights, before = finished(folder.parent.parent / str(start) / folder.name)
        network.load_state_dict(weights)
    schedule = Schedule(recipe, folder, before=alarms.search)
    loss = _batch_loss(float(recipe.options.get("adversarial", 0.0)))
    history = train_network(network, schedule, epoch, loss, checks)
    example = torch.zeros(1, 3, CROP, CROP)
    export(network, example, folder / WEIGHTS, ("maps",), free=("height", "width"))
    return {
        "weights": WEIGHTS,
        "history": history,
        "epochs": before + len(history),
        "start": ORIGIN if pretrained else "noise",
        "false_alarms": alarms.count,
        "lidc_crops": len(crops),
        "diameter_ratio": diameter_ratio(kept, network),
    }


def _go_on(
    network: nn.Module, recipe: Recipe, member: str, epoch: Callable[..., Sequence[Any]]
) -> int:
    """Start from one member (`member-0`) of the current pack; return the epochs it has seen.

    Raises
    ------
    BadInput
        Its folds are others, so its members saw what they would be measured on.
    """
    import torch

    from suwen.imaging.learning.unfolding import take_over

    pack, number = counterpart(DETECTION, member, recipe.folds, "a start")
    rng = np.random.default_rng(recipe.seed)
    drawn = [make(item, rng)[0] for make, item in epoch(rng)[:STARTING_CROPS]]
    crops = [one for one in drawn if one.shape[-1] == CROP]
    size = recipe.batch_size
    batches = [np.stack(crops[i : i + size]) for i in range(0, len(crops), size)]
    take_over(network, pack.read(WEIGHTS, number), [torch.from_numpy(one) for one in batches])
    return int(pack.member(number)["epochs"])


def _epoch(
    slices: Sequence[Shown],
    crops: Sequence[Crop],
    alarms: _Alarms,
    corrupt: float,
    rng: np.random.Generator,
) -> list[tuple[Callable[..., Any], Any]]:
    """Return the draws of one epoch; of a share `corrupt` the slice is changed."""
    near, elsewhere, lidc = (
        partial(draw, corrupt=corrupt) for draw in (draw_near, draw_elsewhere, draw_lidc)
    )
    draws: list[tuple[Callable[..., Any], Any]] = []
    for one in slices:
        draws.append((near, one))
        draws.append((elsewhere, (one, alarms.of(one.name))))
    chosen = rng.permutation(len(crops))[: round(LIDC_SHARE * len(crops))]
    draws += [(lidc, crops[i]) for i in chosen]
    return [draws[i] for i in rng.permutation(len(draws))]


def diameter_ratio(slices: Sequence[Shown], network: Any) -> list[float]:
    """Return the 2.5th and 97.5th percentile of log(true diameter / diameter of the mark).

    Of the nodules that are found on slices of patients the member was not trained on.
    """
    run = _asked(network)
    found = []
    for one in slices:
        marks = marks_of(slice_maps(Detectors(run), one.hu, (one.pixel_mm, one.pixel_mm)))
        for x, y, wide, counts in one.places:
            away = np.hypot(marks[:, 1] - x, marks[:, 2] - y)
            hits = np.flatnonzero(away <= max(wide / 2, BESIDE_MM))
            if counts and len(hits):
                found.append(np.log(wide / marks[hits[0], 3]))
    return [float(value) for value in np.quantile(found, [0.025, 0.975])] if found else [-1.0, 1.0]


def _asked(network: Any) -> Callable[[Floats], list[Floats]]:
    """Return a function that asks a torch network as a pack's is asked."""
    import torch

    def run(batch: Floats) -> list[Floats]:
        with torch.no_grad():
            return [network(torch.from_numpy(batch)).numpy()]

    network.eval()
    return run


class _Alarms:
    """False alarms of the network among its own training slices, searched every few epochs."""

    def __init__(self, network: Any, slices: Sequence[Shown], path: Path, recipe: Recipe) -> None:
        self._network, self._slices, self._path = network, slices, path
        self._mining = bool(recipe.options.get("mining", True))
        self._found: dict[str, list[list[float]]] = (
            json.loads(path.read_text()) if path.is_file() else {}
        )

    @property
    def count(self) -> int:
        """How many are known."""
        return sum(map(len, self._found.values()))

    def of(self, name: str) -> list[list[float]]:
        """Return the places (x, y) in mm of one slice's false alarms."""
        return self._found.get(name, [])

    def search(self, finished: int) -> None:
        """Look again after some epochs; `finished` counts those done."""
        if not self._mining or finished % MINED_EVERY:
            return
        run = _asked(self._network)
        for one in self._slices:
            marks = marks_of(slice_maps(Detectors(run), one.hu, (one.pixel_mm, one.pixel_mm)))
            away = np.linalg.norm(marks[:, None, 1:3] - one.places[None, :, :2], axis=2)
            near = np.maximum(one.places[:, 2] / 2, BESIDE_MM) + BESIDE_MM
            false = (away > near).all(1) & (marks[:, 0] > MINED_LOGIT)
            self._found[one.name] = marks[false][:MINED_EACH, 1:3].round(1).tolist()
        self._path.write_text(json.dumps(self._found))


def _batch_loss(eps: float) -> Callable[[nn.Module, list[Drawn]], Tensor]:
    """Return the loss of a batch; crops of one size go through the network together.

    With `eps` (HU) in training it is that of crops made worse first.
    """
    import torch

    from suwen.imaging.learning.networks import detection_loss

    def part(network: nn.Module, batch: list[Drawn]) -> Tensor:
        shown, maps, weight = (
            torch.from_numpy(np.stack(found)) for found in zip(*batch, strict=True)
        )

        def of(x: Tensor) -> Tensor:
            return detection_loss(network(x), maps, weight)

        return of(made_worse(shown, of, eps, WINDOWS) if eps and network.training else shown)

    def loss(network: nn.Module, batch: list[Drawn]) -> Tensor:
        sizes = sorted({one[0].shape for one in batch})
        groups = [[one for one in batch if one[0].shape == size] for size in sizes]
        parts = [part(network, group) * (len(group) / len(batch)) for group in groups]
        return torch.stack(parts).sum()

    return loss


def _lidc_crops(train: Examples, valid: Examples, recipe: Recipe) -> list[Crop]:
    """Return the LIDC crops of patients of the training folds that do not decide when to stop."""
    data = DataFolders.from_settings()
    if not data.have(f"{LIDC}/nodules.csv") or not recipe.options.get("lidc", True):
        return []
    folds = {fold_of(str(group), recipe.folds) for group in train.groups}
    stopping = {str(group) for group in valid.groups}
    held_back = {str(name) for name in recipe.options.get("held_back", ())}
    return [
        read_crop(nodule)
        for nodule in read_nodules(data)
        if fold_of(nodule.patient, recipe.folds) in folds
        and nodule.patient not in stopping | held_back
    ]
