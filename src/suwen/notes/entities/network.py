"""Networks that read pieces of text and score BIO tags under one or more labelling schemes.

English: a pretrained encoder (MiniLM, Wang et al., NeurIPS 2020) whose input embeddings also get
the features of a piece. Chinese: characters, pairs of them and features through convolutions and an
LSTM (Lample et al., NAACL 2016). Each scheme (a corpus and its guideline) has a head and a CRF of
its own on the shared encoder. Imported only to train.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

SIDE = 64
"""Width of the features beside the encoder's output."""
CHARACTER, HINT = 0.4, 0.2
"""Widths of a Chinese character's and of a pair's embedding, as parts of the LSTM's."""
PAIRS, MIXER = 20_011, 7_919
"""Embeddings of pairs of characters, and the factor of their hash."""
WORD_DROPOUT = 0.2
NEVER = -1e4
"""Logarithm of a weight that is as good as none."""


class Chain(nn.Module):  # type: ignore[misc]
    """Linear-chain CRF over padded windows."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))

    def loss(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Return the negative log-likelihood of each window, (b,).

        Parameters
        ----------
        emissions, tags, mask
            (b, t, tags), (b, t) and (b, t); the mask is 1 where there is a piece, from the first
            on.
        """
        scores = emissions.float()
        own = scores.gather(2, tags[..., None])[..., 0] * mask
        steps = self.transitions[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]
        path = own.sum(1) + steps.sum(1)
        total = self._halved(scores, mask) if scores.is_cuda else self._stepped(scores, mask)
        return torch.logsumexp(total, 1) - path

    def _stepped(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Return the logarithms of the summed paths to each tag, piece by piece, (b, tags)."""
        total = scores[:, 0]
        for i in range(1, scores.shape[1]):
            moved = torch.logsumexp(total[:, :, None] + self.transitions, 1) + scores[:, i]
            here = mask[:, i, None]
            total = moved * here + total * (1 - here)
        return total

    def _halved(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Return the same by joining neighbouring steps, in log2(t) rounds: fast on a GPU."""
        tags = scores.shape[2]
        stay = torch.full((tags, tags), NEVER, device=scores.device).fill_diagonal_(0.0)
        steps = self.transitions + scores[:, 1:, None, :]
        steps = torch.where(mask[:, 1:, None, None] > 0, steps, stay)
        while steps.shape[1] > 1:
            if steps.shape[1] % 2:
                steps = torch.cat([steps, stay.expand(len(steps), 1, tags, tags)], 1)
            left, right = steps[:, ::2], steps[:, 1::2]
            steps = torch.logsumexp(left[..., :, :, None] + right[..., None, :, :], -2)
        if not steps.shape[1]:
            return scores[:, 0]
        return torch.logsumexp(scores[:, 0, :, None] + steps[:, 0], 1)


class Tagger(nn.Module):  # type: ignore[misc]
    """An encoder with one head a scheme.

    Parameters
    ----------
    encoder
        Returns (b, t, width) of ids (b, t), features (b, t, d) and mask (b, t).
    width, features
        Numbers of the encoder's output and of a piece's features.
    tags
        Number of tags of each scheme.
    dropout
        Share of the encoder's output left out in training, the same for a whole window.
    """

    def __init__(
        self, encoder: nn.Module, width: int, features: int, tags: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.side = nn.Linear(features, SIDE)
        self.heads = nn.ModuleList([nn.Linear(width + SIDE, count) for count in tags])
        self.chains = nn.ModuleList([Chain(count) for count in tags])
        self.dropout = dropout

    def forward(self, ids: Tensor, features: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Return the tag scores of each scheme, (b, t, tags)."""
        found = self.encoder(ids, features, mask)
        joined = torch.cat([found, torch.relu(self.side(features))], -1)
        if self.training and self.dropout:
            shape = (joined.shape[0], 1, joined.shape[2])
            kept = torch.rand(shape, device=joined.device) > self.dropout
            joined = joined * kept / (1 - self.dropout)
        return tuple(head(joined) for head in self.heads)


class BertEncoder(nn.Module):  # type: ignore[misc]
    """A BERT-type encoder (`bert_of`) whose input embeddings are moved by each piece's features."""

    def __init__(self, bert: Any, features: int) -> None:
        super().__init__()
        self.bert = bert
        self.hint = nn.Linear(features, bert.config.hidden_size, bias=False)
        nn.init.zeros_(self.hint.weight)

    def forward(self, ids: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Return (b, t, width)."""
        embedded = self.bert.embeddings.word_embeddings(ids) + self.hint(features)
        return self.bert(inputs_embeds=embedded, attention_mask=mask).last_hidden_state


class CharacterEncoder(nn.Module):  # type: ignore[misc]
    """Characters, pairs of them and features through convolutions and one layer of LSTM.

    A pair of neighbouring characters has an embedding of its own, numbered by a hash (Chen et al.,
    EMNLP 2015: bigrams in Chinese tagging).
    """

    def __init__(self, known: int, features: int, width: int) -> None:
        super().__init__()
        character, side = round(width * CHARACTER), round(width * HINT)
        self.embedding = nn.Embedding(known, character, padding_idx=0)
        self.pairs = nn.Embedding(PAIRS, side)
        self.hint = nn.Linear(features, side)
        inside = character + 2 * side
        self.near = nn.Conv1d(inside, inside, 3, padding=1)
        self.far = nn.Conv1d(inside, inside, 3, padding=2, dilation=2)
        self.recurrent = nn.LSTM(inside, width // 2, batch_first=True, bidirectional=True)

    def forward(self, ids: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Return (b, t, width)."""
        after = torch.cat([ids[:, 1:], torch.zeros_like(ids[:, :1])], 1)
        pair = torch.remainder(ids * MIXER + after, PAIRS)
        seen = [self.embedding(ids), self.pairs(pair), torch.relu(self.hint(features))]
        joined = torch.cat(seen, -1) * mask[..., None]
        if self.training:
            shape = (joined.shape[0], 1, joined.shape[2])
            kept = torch.rand(shape, device=joined.device) > WORD_DROPOUT
            joined = joined * kept / (1 - WORD_DROPOUT)
        across = joined.transpose(1, 2)
        across = across + torch.relu(self.near(across))
        across = across + torch.relu(self.far(across))
        found, _ = self.recurrent(across.transpose(1, 2))
        return found


RANK, ATTENTION = 16, ("query", "key", "value")
"""Rank of low-rank updates, and the matrices of a layer that get them."""


def with_low_rank(bert: Any) -> None:
    """Freeze an encoder but for low-rank updates of its attention (LoRA, Hu et al., ICLR 2022)."""
    from peft import LoraConfig, inject_adapter_in_model

    inject_adapter_in_model(
        LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=list(ATTENTION)), bert
    )
    for name, parameter in bert.named_parameters():
        parameter.requires_grad_("lora_" in name)


def merge_low_rank(net: nn.Module) -> None:
    """Add the low-rank updates to the matrices they belong to, so that the network is plain."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(net.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, own = name.rpartition(".")
            setattr(net.get_submodule(parent), own, module.base_layer)


def bert_of(model: str, inside: float = 0.0, attention: str = "eager") -> Any:
    """Return the pretrained encoder in the folder `model`.

    Parameters
    ----------
    model
        A folder as `transformers` writes it.
    inside
        Dropout inside the encoder. It takes half of the time on a CPU; pieces hidden at random and
        the dropout before the heads stand in for it there.
    attention
        How attention is computed: `eager` can be exported, `sdpa` is fast on a GPU.
    """
    from transformers import BertConfig, BertModel

    config = BertConfig.from_pretrained(
        model, attention_probs_dropout_prob=inside, hidden_dropout_prob=inside
    )
    return BertModel.from_pretrained(
        model, config=config, add_pooling_layer=False, attn_implementation=attention
    )


def word_piece_tagger(
    model: str,
    features: int,
    tags: Sequence[int],
    dropout: float,
    method: str = "full",
    inside: float = 0.0,
) -> Tagger:
    """Return a tagger on the pretrained encoder in the folder `model`.

    With the method `lora` only low-rank updates of its attention are trained, else all of it;
    `inside` is the dropout inside the encoder (`bert_of`).
    """
    bert = bert_of(model, inside)
    if method == "lora":
        with_low_rank(bert)
    encoder = BertEncoder(bert, features)
    return Tagger(encoder, bert.config.hidden_size, features, tags, dropout)


def character_tagger(
    known: int, features: int, tags: Sequence[int], dropout: float, width: int
) -> Tagger:
    """Return a tagger of Chinese characters, `known` of them with a number of their own."""
    return Tagger(CharacterEncoder(known, features, width), width, features, tags, dropout)
