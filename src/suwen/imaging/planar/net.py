"""The network of the 2D tasks. Imports torch: only training functions import this file.

One backbone, global average pooling, one linear layer: the logits are linear in the mean of the
feature map, so a class activation map needs no gradient. What a pack ships also says how far a
picture's pooled features lie from those of the training pictures.

References: Zhou et al., CVPR 2016 (class activation map); Lee et al., NeurIPS 2018 (Mahalanobis
distance to the nearest class as a measure of being out of the distribution).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suwen.imaging.learning.backbone import Backbone

IMAGENET_MEAN = 0.449
IMAGENET_SPREAD = 0.226
"""Grey level and spread that the ImageNet weights were trained with (mean over the colours)."""
SHRINKAGE = 0.1
"""The covariance of the features is moved by this share towards a sphere, so that it inverts."""
OUTPUTS = ("logits", "features", "cam", "distance")


def shown_to(x: Tensor) -> Tensor:
    """Return grey pictures (n, 1, s, s) in 0..1 as the backbone was trained to see colours."""
    return ((x - IMAGENET_MEAN) / IMAGENET_SPREAD).expand(-1, 3, -1, -1)


class PlanarNet(nn.Module):  # type: ignore[misc] # torch is not typed here
    """(n, 1, s, s) in 0..1 -> logits (n, classes) and feature map (n, c, h, w)."""

    def __init__(self, backbone: Backbone | Mirrored, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.channels, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the last feature map."""
        maps = self.backbone(shown_to(x))
        return self.head(self.drop(maps.mean((2, 3)))), maps


class Mirrored(nn.Module):  # type: ignore[misc] # torch is not typed here
    """A backbone that also sees each picture mirrored; the two feature maps are averaged in place.

    For organs that look alike on either side: what is answered cannot depend on the side.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels = backbone.channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of the feature map and of the mirrored picture's, mirrored back."""
        both = self.backbone(torch.cat([x, x.flip(3)]))
        plain, mirrored = both.unflatten(0, (2, -1)).unbind(0)
        return (plain + mirrored.flip(3)) / 2


class PlanarScoring(nn.Module):  # type: ignore[misc] # torch is not typed here
    """The trained network with everything serving needs: what a pack ships.

    Outputs: `logits` (n, classes), `features` (n, c, h, w), `cam` (n, classes, h, w), the feature
    map weighted by the head (logits = mean of cam + bias), and `distance` (n, 1), the Mahalanobis
    distance of the pooled features from the nearest class, 1 for a typical training picture.

    Parameters
    ----------
    trained
        The network.
    pooled, labels
        Pooled features (n, c) of training pictures as in use, and their classes (n,).
    """

    def __init__(self, trained: PlanarNet, pooled: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.trained = trained
        middles = torch.stack([pooled[labels == k].mean(0) for k in labels.unique()])
        place = torch.searchsorted(labels.unique(), labels)
        covariance = torch.cov((pooled - middles[place]).T)
        sphere = torch.eye(len(covariance)) * covariance.diagonal().mean()
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * sphere
        values, vectors = torch.linalg.eigh(covariance)
        self.white = nn.Parameter(vectors / values.clamp_min(1e-12).sqrt(), requires_grad=False)
        self.middles = nn.Parameter(middles @ self.white, requires_grad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return logits, feature map, class activation maps and distance."""
        logits, maps = self.trained(x)
        head = self.trained.head
        cam = torch.einsum("nchw,kc->nkhw", maps, head.weight)
        away = (maps.mean((2, 3)) @ self.white)[:, None] - self.middles[None]
        distance = away.pow(2).mean(2).sqrt().amin(1, keepdim=True)
        return logits, maps, cam, distance
