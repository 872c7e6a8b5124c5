"""The part of every 2D task that compares a picture with development examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suwen.core.codes import Text
from suwen.imaging.pictures.picture import small_picture
from suwen.imaging.planar import reading
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.pack import Pack


class ComparedPictures:
    """What `Resembles` and `Pictured` ask of a choice between classes from one picture."""

    answers: Any
    pictures_show = Text(
        en="reduced, levelled as for the networks, not to one scale",
        zh="缩小图，灰度与网络输入一致，比例不统一",
    )

    def embedding(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Array:
        """Return the pooled features of each member, (members, c)."""
        chosen = range(pack.members) if members is None else members
        return reading.embedding(pack, sample.data, list(chosen))

    def told(self, examples: Examples) -> Mapping[str, Array]:
        """Return nothing: these data sets name the class of a picture and no more."""
        return {}

    def example_in_words(self, label: int, told: Mapping[str, float]) -> tuple[Text, Text | None]:
        """Return the name of an example's class."""
        name: Text = self.answers.classes[label].name
        return Text(en=name.en.lower(), zh=name.zh), None

    def picture_of(self, sample: Sample) -> Array:
        """Return the whole picture, reduced."""
        return small_picture(sample.data.image)
