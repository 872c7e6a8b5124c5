"""Which development examples a sample is like: built with a pack, measured, shown with answers.

Measured out of fold: the neighbours of an example are sought among the examples of its own fold,
never of its own patient, in the space of the member that saw none of them. In use all folds are
searched the same way, so there are as many times more examples to choose from as there are folds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import COMPARED, Attachment, Band, Finding, SimilarExample
from suwen.lifecycle import runs, split
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.say import with_sentence
from suwen.lifecycle.sealed import gallery_pictures
from suwen.lifecycle.sealed.gallery import FILE, Gallery, spaces_of, unit
from suwen.lifecycle.sealed.gallery_pictures import Pictured, encoded, media_type
from suwen.lifecycle.task import Resembles, Task
from suwen.metrics import discrimination, multiclass, overlap
from suwen.metrics.intervals import Metric, difference, estimates

MEASURED = "gallery.json"
NEIGHBOURS = 5
"""Examples that are shown, and that the figures are about."""
EMBEDDING, RANDOM = "embedding", "random"
SAME, VOTE = "same_label", "auroc_of_vote"


def build(
    task: Task,
    examples: Examples,
    pack: Pack,
    step: Callable[[], None] = lambda: None,
) -> None:
    """Write the gallery of a draft and what it is worth; nothing for a task that has none.

    With it go the examples' pictures, where the task draws them and they may be passed on.

    Parameters
    ----------
    task, examples, pack
        The question, its development examples, and the draft with its trained members.
    step
        Called after each example.
    """
    if not (isinstance(task, Resembles) and isinstance(task.answers, Choice)):
        return
    gallery = gallery_of(task, examples, pack, step)
    (pack.folder / FILE).write_bytes(gallery.to_bytes())
    runs.write_json(pack.folder / MEASURED, measured(examples, gallery))
    add_pictures(task, examples, pack)


def add_pictures(task: Task, examples: Examples, pack: Pack) -> None:
    """Write the pictures of the gallery's examples into a draft that has a gallery.

    Raises
    ------
    BadInput
        The gallery is of other examples.
    """
    if not isinstance(task, Pictured) or (found := gallery_pictures.drawn(task, examples)) is None:
        return
    if pack.gallery is None or pack.gallery.keys.tolist() != list(examples.keys):
        raise BadInput(
            "a gallery of other examples than those drawn",
            "the examples the pack was made from",
            f"give the data set {pack.settings['dataset']!r} as it was then",
        )
    (pack.folder / gallery_pictures.FILE).write_bytes(found.to_bytes())


def gallery_of(
    task: Resembles, examples: Examples, pack: Pack, step: Callable[[], None] = lambda: None
) -> Gallery:
    """Place every example with the member that never saw it."""
    fold = split.folds_of(examples.groups, pack.members)
    embedded = []
    for i in range(len(examples)):
        embedded.append(task.embedding(pack, examples.load(i), [int(fold[i])])[0])
        step()
    place, middle, axes = spaces_of(np.stack(embedded), fold, pack.members)
    told = task.told(examples)
    columns = [np.asarray(column, dtype=np.float32) for column in told.values()]
    return Gallery(
        keys=np.array(examples.keys),
        group=np.unique(examples.groups, return_inverse=True)[1].astype(np.int32),
        label=np.asarray(examples.labels, dtype=np.int16),
        fold=fold.astype(np.int16),
        names=np.array(list(told), dtype=str),
        told=np.stack(columns, 1) if columns else np.zeros((len(examples), 0), np.float32),
        place=place,
        middle=middle,
        axes=axes,
    )


def neighbours(
    gallery: Gallery, likeness: Callable[[Array], Array], count: int = NEIGHBOURS
) -> NDArray[np.intp]:
    """Return the nearest examples of each example within its fold, of other patients, (n, count).

    `likeness` gives, for the numbers of some examples (k,), how alike each two are, (k, k).
    """
    found = np.zeros((len(gallery.keys), count), dtype=np.intp)
    for k in np.unique(gallery.fold):
        inside = np.flatnonzero(gallery.fold == k)
        alike = np.array(likeness(inside), dtype=float)
        group = gallery.group[inside]
        alike[group[:, None] == group[None, :]] = -np.inf
        found[inside] = inside[np.argsort(-alike, axis=1, kind="stable")[:, :count]]
    return found


def ways_of(examples: Examples, gallery: Gallery, seed: int = 0) -> dict[str, NDArray[np.intp]]:
    """Return the neighbours by embedding, by each floor alone, and at random."""
    place = gallery.place.astype(float)
    rng = np.random.default_rng(seed)

    def by_number(numbers: Array) -> Callable[[Array], Array]:
        return lambda i: -np.abs(numbers[i][:, None] - numbers[i][None, :])

    found = {EMBEDDING: neighbours(gallery, lambda i: unit(place[i]) @ unit(place[i]).T)}
    for name, floor in examples.floors.items():
        numbers = np.asarray(floor, dtype=float)
        if numbers.ndim == 1:
            found[name] = neighbours(gallery, by_number(numbers))
    found[RANDOM] = neighbours(gallery, lambda i: rng.random((len(i), len(i))))
    return found


def measured(examples: Examples, gallery: Gallery) -> dict[str, Any]:
    """Return what neighbours are worth, with intervals by bootstrap over patients.

    Returns
    -------
    dict
        `n`, `groups`, `neighbours`, `dimensions`, and by way (`embedding`, each floor, `random`)
        the metrics; beside a floor's own stand the paired gains of the embedding over it, positive
        where the embedding is better.
    """
    resamples = measure.resamples_for(len(examples))
    ways = {way: _metrics(gallery, near) for way, near in ways_of(examples, gallery).items()}
    own = ways[EMBEDDING]
    found: dict[str, Any] = {
        "n": len(examples),
        "groups": len(np.unique(gallery.group)),
        "neighbours": NEIGHBOURS,
        "dimensions": gallery.place.shape[1],
        "ways": {},
    }
    for way, metrics in ways.items():
        gains = {
            f"gain_{key}": difference(metric, own[key])
            if key.startswith("mae_")
            else difference(own[key], metric)
            for key, metric in metrics.items()
            if way != EMBEDDING
        }
        said = estimates({**metrics, **gains}, examples.groups, resamples=resamples)
        found["ways"][way] = {key: measure.as_json(each) for key, each in said.items()}
    return found


def _metrics(gallery: Gallery, near: NDArray[np.intp]) -> dict[str, Metric]:
    """Return the metrics of neighbours (n, count): of their labels, and of each number told."""
    classes = int(gallery.label.max()) + 1
    votes = np.stack([(gallery.label[near] == k).mean(1) for k in range(classes)], axis=1)
    same = (gallery.label[near] == gallery.label[:, None]).mean(1)

    def vote(weights: Array | None) -> Array:
        if classes == 2:
            return discrimination.auroc(gallery.label == 1, votes[:, 1], weights)
        return multiclass.macro(discrimination.auroc, gallery.label, votes, weights)

    found: dict[str, Metric] = {SAME: partial(overlap.mean, same), VOTE: vote}
    for place, name in enumerate(gallery.names):
        told = gallery.told[:, place].astype(float)
        error = np.abs(_mean_of_known(told[near]) - told)
        found[f"mae_{name}"] = partial(overlap.mean, error)
    return found


def _mean_of_known(values: Array) -> Array:
    """Return the mean of each row without NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(1) / known.sum(1))


def with_examples(
    task: Task, pack: Pack, sample: Sample, findings: Sequence[Finding]
) -> list[Finding]:
    """Return the findings with the most similar development examples as further evidence.

    A finding that abstains gets none: what lies outside the domain resembles nothing that was
    learned. A pack without a gallery (made before there were galleries) adds nothing.
    """
    gallery = pack.gallery
    if gallery is None or not isinstance(task, Resembles):
        return list(findings)
    if not any(_answers(finding) for finding in findings):
        return list(findings)
    alike = gallery.similarity(np.asarray(task.embedding(pack, sample)))
    near = gallery.nearest(alike, NEIGHBOURS, gallery.group_of(sample.key))
    shown = tuple(_evidence(task, pack, gallery, int(i), float(alike[i])) for i in near)
    drawn = _drawn(task, pack, sample, dict(zip(near.tolist(), shown, strict=True)))
    said = summary(shown, pack.content(MEASURED))
    credit = _credit(task, pack) if drawn else None
    return [
        with_sentence(_joined(each, shown, drawn, said), credit) if _answers(each) else each
        for each in findings
    ]


def _answers(finding: Finding) -> bool:
    return finding.band is not Band.ABSTAIN and finding.probability is not None


def _joined(
    finding: Finding,
    shown: tuple[SimilarExample, ...],
    drawn: tuple[Attachment, ...],
    said: Text,
) -> Finding:
    update = {
        "evidence": (*finding.evidence, *shown),
        "attachments": (*finding.attachments, *drawn),
    }
    return with_sentence(finding.model_copy(update=update), said)


def _drawn(
    task: Task, pack: Pack, sample: Sample, shown: Mapping[int, SimilarExample]
) -> tuple[Attachment, ...]:
    """Return pictures of the sample and of the examples shown (by number), all drawn alike."""
    pictures = pack.pictures
    if pictures is None or not isinstance(task, Pictured):
        return ()
    drawn = {COMPARED: encoded(task.picture_of(sample))}
    drawn |= {one.picture_role: pictures.of(i) for i, one in shown.items()}
    return tuple(Attachment.of(role, media_type(file), file) for role, file in drawn.items())


def _credit(task: Any, pack: Pack) -> Text:
    """Say what the pictures show and whose they are."""
    source = pack.settings["source"]
    what: Text = task.pictures_show
    return Text(
        en=f"Pictures of examples: {what.en}; {source['name']}, {source['licence']}.",
        zh=f"样例图像：{what.zh}；来源：{source['name']}，{source['licence']}。",
    )


def _evidence(
    task: Resembles, pack: Pack, gallery: Gallery, i: int, alike: float
) -> SimilarExample:
    known = dict(zip(gallery.names.tolist(), gallery.told[i].tolist(), strict=True))
    label, note = task.example_in_words(int(gallery.label[i]), known)
    return SimilarExample(
        record=f"example/{pack.settings['dataset']}/{gallery.keys[i]}",
        label=label,
        weight=round(alike, 3),
        note=note,
    )


def summary(shown: Sequence[SimilarExample], figures: Mapping[str, Any]) -> Text:
    """Say how many of the examples were what, and how often such neighbours shared the label."""
    counted = Counter((one.label.en, one.label.zh) for one in shown).most_common()
    total = len(shown)
    en = ", ".join(f"{count} of {total} {said}" for (said, _), count in counted)
    zh = "，".join(f"{total} 例中 {count} 例{said}" for (_, said), count in counted)
    ways = figures["ways"]
    own, chance = (f"{ways[way][SAME]['value']:.0%}" for way in (EMBEDDING, RANDOM))
    weak = _no_better(ways)
    return Text(
        en=f"Most similar development examples: {en}. A comparison, no proof: in development "
        f"{own} of such neighbours shared the label, {chance} by chance{weak.en}.",
        zh=f"最相似的开发样例：{zh}。仅供对照，不构成证明：在开发数据中，此类近邻有 {own} "
        f"标签相同，随机为 {chance}{weak.zh}。",
    )


def _no_better(ways: Mapping[str, Any]) -> Text:
    """Name the floors that find neighbours of the same label as often, as far as can be told."""
    weak = {
        name: f"{entry[SAME]['value']:.0%}"
        for name, entry in ways.items()
        if name not in (EMBEDDING, RANDOM) and not _better(entry[f"gain_{SAME}"])
    }
    if not weak:
        return Text(en="", zh="")
    by = " or ".join(f"{name} alone ({share})" for name, share in weak.items())
    return Text(
        en=f", not shown to be more than by {by}",
        zh=f"，与仅凭单一简单指标查找（{'、'.join(weak.values())}）相比，没有可证实的优势",
    )


def _better(gain: Mapping[str, float | None]) -> bool:
    return gain["low"] is not None and gain["low"] > 0
