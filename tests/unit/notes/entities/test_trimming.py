import json

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace

from suwen.core.errors import BadInput
from suwen.notes.entities import trimming

onnx = pytest.importorskip("onnx")


def tokenizer():
    pieces = ["[PAD]", "[UNK]", "fever", "fe", "##ver", "paris", "##f", "f", "##e", "##v", "##r"]
    model = WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")
    made = Tokenizer(model)
    made.pre_tokenizer = Whitespace()
    return made


def test_only_pieces_of_the_texts_are_seen():
    assert trimming.seen(tokenizer(), ["fever fever"]).tolist() == [2]


def test_a_word_whose_piece_is_left_out_is_read_by_shorter_pieces():
    keep = np.array([0, 1, 3, 4, 6, 7, 8, 9, 10])
    smaller = Tokenizer.from_str(trimming.trimmed_tokenizer(tokenizer().to_str(), keep))
    assert smaller.encode("fever").tokens == ["fe", "##ver"]
    assert smaller.encode("paris").tokens == ["[UNK]"]
    vocabulary = json.loads(smaller.to_str())["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(len(keep)))


def test_special_pieces_and_single_characters_stay():
    keep = trimming.kept(30_000, np.array([5_000, 7]))
    assert {0, 101, 999, 1995, 5_000} <= set(keep.tolist())
    assert 500 not in keep


def test_a_network_without_such_a_table_is_refused(tmp_path):
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    node = helper.make_node("Identity", ["x"], ["y"])
    ends = [[value(name, TensorProto.FLOAT, [1])] for name in ("x", "y")]
    graph = helper.make_graph([node], "g", *ends)
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    with pytest.raises(BadInput, match="embeddings"):
        trimming.trim_network(tmp_path / "net.onnx", np.array([0]), 30)
