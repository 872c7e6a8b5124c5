"""Training of one member of the nodule detector.

Each epoch shows of every slice a crop near a nodule and a crop elsewhere in the lungs, from some
epoch on at a place where the network itself raised a false alarm (hard negative mining), and
slices of the LIDC nodule crops, whose surroundings beyond the crop weigh nothing. Some of the large
nodules get a cavity.

References: Zhou et al., arXiv:1904.07850, 2019 (objects as points); Shrivastava et al., CVPR 2016
(hard examples).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.errors import BadInput, MissingExtra
from suwen.imaging.cavities import hollowed
from suwen.imaging.data import LIDC, Crop, read_crop, read_nodules
from suwen.imaging.detector import (
    CELL_MM,
    PIXEL_MM,
    STRIDE,
    Detectors,
    channels,
    marks_of,
    slice_maps,
)
from suwen.imaging.fit_segmentation import disturb
from suwen.imaging.patches import Floats
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.split import fold_of
from suwen.lifecycle.task import Examples

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS: Final = "net.onnx"
BLOCKS: Final = 11
FROZEN: Final = 2
WIDTH: Final = 64
"""Channels of the pyramid."""
CROP: Final = 192
"""Edge of a crop of a slice in pixels: 96 mm."""
SMALL_CROP: Final = 96
"""Edge of what is shown of a LIDC crop: 48 mm."""
LIDC_SHARE: Final = 0.7
"""LIDC crops shown in an epoch, as a share of all."""
LEAST_BUMP_MM: Final = 1.5
"""Smallest spread of the bump around a centre."""
BUMP_SHARE: Final = 1 / 6
"""Spread of the bump as a share of the diameter."""
MINED_EVERY: Final = 3
"""Epochs between two searches for false alarms among the training slices."""
MINED_EACH: Final = 6
"""False alarms kept of one slice."""
MINED_LOGIT: Final = -3.0
MINED_SHARE: Final = 0.75
"""Share of the crops without nodule that are taken at a false alarm, once there are any."""
BESIDE_MM: Final = 3.0
"""A mark farther than this, and than the radius, from every nodule is a false alarm."""
MINED: Final = "false-alarms.json"
OUTSIDE_HU: Final = -20000.0
"""Marks what lies beyond a slice or a crop until its weight is set to zero."""


@dataclass(frozen=True)
class Shown:
    """A slice ready to draw crops from.

    `hu` (y, x) with square pixels of `pixel_mm`, places (k, 4) in mm from the first pixel's centre,
    `known` False where nothing is known, `lung` indices (y, x) inside the lungs.
    """

    name: str
    hu: Floats
    pixel_mm: float
    places: NDArray[np.float64]
    lung: NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """How a crop is cut: its middle (x, y) in mm, size in pixels, turn, zoom and flip."""

    middle: tuple[float, float]
    pixels: int = CROP
    angle: float = 0.0
    zoom: float = 1.0
    flip: int = 1


def lung_pixels(hu: Floats) -> NDArray[np.int64]:
    """Return the indices (y, x) of a slice's lungs with their vessels, every second pixel."""
    dark = hu < -500
    labels, count = ndimage.label(dark)
    rim = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = [k for k in range(1, count + 1) if k not in rim and sizes[k] > 300]
    inside = ndimage.binary_closing(np.isin(labels, keep), iterations=4)
    found = np.argwhere(inside[::2, ::2]) * 2
    return np.asarray(found if len(found) else np.argwhere(hu[::4, ::4] > -2000) * 4)


def cut(one: Shown, view: View) -> tuple[Floats, Floats, Floats]:
    """Return a crop in HU (h, w), the maps to be learned (4, h/4, w/4), and their weight."""
    cosine, sine = np.cos(view.angle), np.sin(view.angle)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([view.flip, 1.0])
    matrix = turn * (PIXEL_MM / view.zoom)  # from pixels of the crop to mm of the slice, (x, y)
    half = (view.pixels - 1) / 2
    inside = np.array(view.middle) / one.pixel_mm
    swapped = matrix[::-1, ::-1] / one.pixel_mm
    hu = ndimage.affine_transform(
        one.hu,
        swapped,
        inside[::-1] - swapped @ np.full(2, half),
        (view.pixels, view.pixels),
        np.float32,
        order=1,
        mode="constant",
        cval=OUTSIDE_HU,
    )
    places = one.places.copy()
    back = np.linalg.inv(matrix)
    places[:, :2] = (places[:, :2] - np.array(view.middle)) @ back.T + half  # pixels of the crop
    places[:, 2] *= view.zoom
    cells = view.pixels // STRIDE
    known = (hu > OUTSIDE_HU / 2).astype(np.float32)
    weight = known.reshape(cells, STRIDE, cells, STRIDE).min((1, 3))
    shown = np.where(hu > OUTSIDE_HU / 2, hu, -1000.0).astype(np.float32)
    return shown, *target(places, cells, weight)


def target(places: NDArray[np.float64], cells: int, known: Floats) -> tuple[Floats, Floats]:
    """Return the maps to be learned and their weight; places (k, 4) in pixels of the crop."""
    maps = np.zeros((4, cells, cells), np.float32)
    weight = known[None].copy()
    axis = np.arange(cells)
    for x, y, wide, counts in places:
        column, row = ((value + 0.5) / STRIDE - 0.5 for value in (x, y))
        away = np.hypot(axis[None] - column, axis[:, None] - row) * CELL_MM
        if not counts:
            weight[0][away < wide / 2 + BESIDE_MM] = 0
            continue
        i, j = round(row), round(column)
        if not (0 <= i < cells and 0 <= j < cells):
            weight[0][away < wide / 2] = 0
            continue
        spread = max(LEAST_BUMP_MM, BUMP_SHARE * wide)
        centred = np.hypot(axis[None] - j, axis[:, None] - i) * CELL_MM
        maps[0] = np.maximum(maps[0], np.exp(-(centred**2) / (2 * spread**2)))
        maps[0, i, j] = 1
        maps[1:, i, j] = column - j, row - i, np.log(wide)
    return maps, weight


Drawn = tuple[Floats, Floats, Floats]


def draw_near(one: Shown, rng: np.random.Generator) -> Drawn:
    """Return a crop that holds a nodule somewhere off its middle."""
    counting = one.places[one.places[:, 3] > 0]
    x, y = counting[rng.integers(len(counting)), :2] + rng.uniform(-34, 34, 2)
    return _noisy(one, (float(x), float(y)), CROP, rng)


def draw_elsewhere(one: tuple[Shown, Sequence[Any]], rng: np.random.Generator) -> Drawn:
    """Return a crop around a false alarm, or around any place in the lungs."""
    shown, alarms = one
    if len(alarms) and rng.random() < MINED_SHARE:
        x, y = np.asarray(alarms[int(rng.integers(len(alarms)))], dtype=float)
        x, y = np.array([x, y]) + rng.uniform(-25, 25, 2)
    else:
        y, x = shown.lung[rng.integers(len(shown.lung))] * shown.pixel_mm
    return _noisy(shown, (float(x), float(y)), CROP, rng)


def draw_lidc(one: Crop, rng: np.random.Generator) -> Drawn:
    """Return one slice of a LIDC crop, mostly one through the nodule."""
    inside = np.flatnonzero(one.mask.any((1, 2)))
    z = int(rng.choice(inside) if rng.random() < 0.85 else rng.integers(len(one.mask)))
    _, dy, dx = one.volume.spacing
    flat = one.mask[z]
    places = np.zeros((0, 4))
    middle = np.argwhere(one.mask.any(0)).mean(0)
    if flat.any():
        y, x = np.argwhere(flat).mean(0) * (dy, dx)
        places = np.array([[x, y, 2 * np.sqrt(flat.sum() * dy * dx / np.pi), 1.0]])
    shown = Shown(
        "", np.asarray(one.volume.values[z], np.float32), dx, places, np.zeros((0, 2), int)
    )
    x, y = middle[::-1] * (dx, dy) + rng.uniform(-8, 8, 2)
    return _noisy(shown, (float(x), float(y)), SMALL_CROP, rng)


def _noisy(one: Shown, middle: tuple[float, float], pixels: int, rng: np.random.Generator) -> Drawn:
    view = View(
        middle,
        pixels,
        rng.uniform(-0.4, 0.4),
        float(np.exp(rng.uniform(-0.15, 0.15))),
        int(rng.choice([-1, 1])),
    )
    changed = replace(one, hu=hollowed(one.hu, one.pixel_mm, one.places, rng))
    hu, maps, weight = cut(changed, view)
    return channels(disturb(hu, rng)), maps, weight


def still(one: Shown, place: NDArray[np.float64]) -> Drawn:
    """Return the crop around a place as it is."""
    hu, maps, weight = cut(one, View((float(place[0]), float(place[1]))))
    return channels(hu), maps, weight


def shown_of(examples: Examples) -> list[Shown]:
    """Prepare the examples (single slices) for drawing."""
    found = []
    for i in range(len(examples)):
        volume = examples.load(i).data.volume
        if examples.truth is None:
            raise BadInput("slices without true places", "Examples.truth", "load the labelled set")
        places = examples.truth(i)[:, [0, 1, 3, 4]]
        hu = np.asarray(volume.values[0], np.float32)
        found.append(Shown(examples.keys[i], hu, volume.spacing[2], places, lung_pixels(hu)))
    return found


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`.

    `recipe.options["start"]` names an earlier run of the same data and folds: its member of the
    same number is trained on, so that no member sees what it is measured on.
    """
    try:
        import torch

        from suwen.imaging.backbone import ORIGIN, Backbone
        from suwen.imaging.networks import DetectionNet, export
        from suwen.imaging.training import Schedule, finished, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    torch.manual_seed(recipe.seed)
    pretrained = recipe.options.get("pretrained", True)
    backbone = Backbone(BLOCKS, FROZEN if pretrained else 0, pretrained)
    network = DetectionNet(backbone, WIDTH, recipe.dropout)
    before = 0
    if start := recipe.options.get("start"):
        weights, before = finished(folder.parent.parent / str(start) / folder.name)
        network.load_state_dict(weights)
    slices, kept = shown_of(train), shown_of(valid)
    crops = _lidc_crops(train, valid, recipe)
    alarms = _Alarms(network, slices, folder / MINED, recipe)
    checks = [still(one, place) for one in kept for place in one.places if place[3]]

    def epoch(rng: np.random.Generator) -> list[tuple[Callable[..., Any], Any]]:
        draws: list[tuple[Callable[..., Any], Any]] = []
        for one in slices:
            draws.append((draw_near, one))
            draws.append((draw_elsewhere, (one, alarms.of(one.name))))
        chosen = rng.permutation(len(crops))[: round(LIDC_SHARE * len(crops))]
        draws += [(draw_lidc, crops[i]) for i in chosen]
        return [draws[i] for i in rng.permutation(len(draws))]

    schedule = Schedule(recipe, folder, before=alarms.search)
    history = train_network(network, schedule, epoch, _batch_loss(), checks)
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


def _batch_loss() -> Callable[[nn.Module, list[Drawn]], Tensor]:
    """Return the loss of a batch; crops of one size go through the network together."""
    import torch

    from suwen.imaging.networks import detection_loss

    def part(network: nn.Module, batch: list[Drawn]) -> Tensor:
        shown, maps, weight = (
            torch.from_numpy(np.stack(found)) for found in zip(*batch, strict=True)
        )
        return detection_loss(network(shown), maps, weight)

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
