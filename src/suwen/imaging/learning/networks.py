"""The networks. Imports torch: only the training functions import this file.

References: Ronneberger et al., MICCAI 2015 (U-Net); Zhou et al., CVPR 2016 (class activation map);
Sudre et al., DLMIA 2017 (soft Dice loss).
"""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from suwen.imaging.learning.backbone import Backbone
from suwen.lifecycle.onnx.smaller import halve

SEGMENTATION_CHANNELS = 4
"""A slice, its two neighbours, and the channel that marks the middle."""
RARE_LOGIT = -4.0
"""Logit of a nodule's centre before anything is learned."""
MEDIAN_LOG_MM = 1.9
"""Logarithm of a middling diameter in mm."""
CENTRE = 0.999
"""A bump this high is a centre."""
DICE_SMOOTHING = 20.0
"""Pixels added to both sides of the Dice ratio, so that an empty slice has a gradient."""


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Return two 3 x 3 convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for size in (inputs, outputs):
        layers += [
            nn.Conv2d(size, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class SegmentationNet(nn.Module):  # type: ignore[misc] # torch is not typed here
    """U-Net on one slice with its neighbours: (n, 4, 48, 48) -> logits (n, 1, 48, 48)."""

    def __init__(self, widths: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        sizes = (SEGMENTATION_CHANNELS, *widths)
        self.down = nn.ModuleList(double_convolution(a, b) for a, b in pairwise(sizes))
        self.up = nn.ModuleList(double_convolution(a + b, a) for a, b in pairwise(widths))
        self.drop = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logit of each pixel."""
        kept = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            kept.append(x)
        x = self.drop(x)
        for block, skip in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], 1))
        logits: Tensor = self.last(x)
        return logits


class MalignancyNet(nn.Module):  # type: ignore[misc] # torch is not typed here
    """Slices of one nodule through one backbone, averaged, and a linear layer on top.

    (n, slices, 3, 96, 96) -> outputs (n, heads) and feature map (n, slices, c, 6, 6). The outputs
    are linear in the mean of the feature map, so a class activation map needs no gradient.
    """

    def __init__(self, backbone: Backbone, heads: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.channels, heads)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs and the last feature map."""
        nodules, slices = x.shape[0], x.shape[1]
        maps = self.backbone(x.flatten(0, 1))
        maps = maps.reshape(nodules, slices, *maps.shape[1:])
        return self.head(self.drop(maps.mean((1, 3, 4)))), maps


class DetectionNet(nn.Module):  # type: ignore[misc] # torch is not typed here
    """A backbone with a pyramid on top: (n, 3, h, w) -> (n, 4, h / 4, w / 4).

    Channels of the answer: logit of a nodule's centre, where in the cell it lies (x, y; in cells
    from its middle), logarithm of the diameter in mm. Reference: Lin et al., CVPR 2017 (feature
    pyramid).
    """

    def __init__(self, backbone: Backbone, width: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.sides = nn.ModuleList(nn.Conv2d(size, width, 1) for size in backbone.level_channels)
        self.smooth = nn.ModuleList(
            double_convolution(width, width) for _ in backbone.level_channels[:-1]
        )
        self.drop = nn.Dropout2d(dropout)
        self.last = nn.Conv2d(width, 4, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor([RARE_LOGIT, 0.0, 0.0, MEDIAN_LOG_MM]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps."""
        levels = self.backbone.levels(x)
        x = self.sides[-1](levels[-1])
        for side, smooth, level in zip(
            reversed(self.sides[:-1]), reversed(self.smooth), reversed(levels[:-1]), strict=True
        ):
            x = smooth(F.interpolate(x, scale_factor=2.0, mode="nearest") + side(level))
        maps: Tensor = self.last(self.drop(x))
        return maps


def detection_loss(maps: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the focal loss of the centres plus the errors of place and size at true centres.

    Parameters
    ----------
    maps
        What the network answers, (n, 4, h, w).
    truth
        The same quantities, the first as a bump that is 1 at each centre and falls off around it.
    weight
        0 where nothing is known, (n, 1, h, w).

    Source: Law & Deng, ECCV 2018 (focal loss with reduced penalty around a centre).
    """
    logit, bump = maps[:, :1], truth[:, :1]
    centre = (bump >= CENTRE).float()
    said = torch.sigmoid(logit)
    missed = centre * (1 - said) ** 2 * F.logsigmoid(logit)
    false = (1 - centre) * (1 - bump) ** 4 * said**2 * F.logsigmoid(-logit)
    count = centre.sum().clamp(min=1.0)
    focal = -((missed + false) * weight).sum() / count
    off = F.smooth_l1_loss(maps[:, 1:], truth[:, 1:], reduction="none", beta=0.25)
    return focal + (off * centre * weight).sum() / count


def segmentation_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return binary cross-entropy plus 1 - soft Dice, each slice counting the same."""
    crossed = F.binary_cross_entropy_with_logits(logits, truth)
    inside = torch.sigmoid(logits)
    shared = (inside * truth).sum((1, 2, 3))
    total = inside.sum((1, 2, 3)) + truth.sum((1, 2, 3))
    return crossed + (1 - (2 * shared + DICE_SMOOTHING) / (total + DICE_SMOOTHING)).mean()


class ScoringNet(nn.Module):  # type: ignore[misc] # torch is not typed here
    """The trained encoder with one linear layer: what a pack ships.

    The layer joins the heads of the label and of the mean rating, both on the logit scale.
    Outputs: `logit` (n, 1), `features` (n, slices, c, 6, 6) and `cam` (n, slices, 6, 6), the
    feature map weighted by that layer; logit = mean of cam + bias.
    """

    def __init__(
        self, trained: MalignancyNet, rating: tuple[float, float], line: tuple[float, float]
    ) -> None:
        super().__init__()
        self.trained = trained
        mean, spread = rating
        slope, middle = line
        head = trained.head
        weight = 0.5 * head.weight[0] + 0.5 * slope * spread * head.weight[1]
        rated = spread * head.bias[1] + mean - middle
        self.weight = nn.Parameter(weight.detach().reshape(1, -1))
        self.bias = nn.Parameter((0.5 * head.bias[0] + 0.5 * slope * rated).detach().reshape(1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logit, feature map and class activation map."""
        _, maps = self.trained(x)
        pooled = maps.mean((1, 3, 4))
        cam = torch.matmul(maps.permute(0, 1, 3, 4, 2), self.weight.t()).squeeze(-1)
        return F.linear(pooled, self.weight, self.bias), maps, cam


def export(
    network: nn.Module,
    example: Tensor,
    path: Path,
    names: tuple[str, ...],
    free: tuple[str, ...] = (),
) -> None:
    """Write the network as ONNX with a free batch axis, in evaluation mode.

    `free` names further free axes of input and outputs, the last ones, in order.

    Weights are kept in half precision and widened when the file is opened, so that the file is half
    as large and every sum is still made in single precision.
    """
    network.eval()
    last = {k - len(free): name for k, name in enumerate(free)}
    axes = {
        name: {0: "batch"} | {example.ndim + k: f"{name} {axis}" for k, axis in last.items()}
        for name in ("input", *names)
    }
    with warnings.catch_warnings():
        # chosen on purpose: its graphs ran faster than those of the newer exporter
        warnings.simplefilter("ignore", DeprecationWarning)
        # the padding of the backbone is a constant that this exporter leaves to the runtime
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),
            (example,),
            str(path),
            input_names=["input"],
            output_names=list(names),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    halve(path)
