"""The fast way through whole models against the plain way: every sequence alone, all logits, torch's cross-entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from peft.tuners.lora.layer import Linear
from torch.nn import functional as F  # noqa: N812
from trl.trainer.utils import add_fused_lm_head

from studio.engine.examples import IGNORED
from studio.engine.fast.forward import enable, enable_hidden, fast_last_hidden, fast_log_probs, fast_loss, head_of
from studio.engine.fast.packing import EndToEnd, Piece, pack, sharing
from studio.engine.pairs import answer_batch
from tests.engine.fast.models import FITTING, VOCABULARY, gemma2, gemma3, gpt2, llama, mistral

LONGEST = 32


def examples(seed=0, lengths=(9, 1, 17, 2, 30)):
    """Rows as the trainer has them: random ids, the first part of each not trained."""
    chance = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        ids = chance.integers(0, VOCABULARY, length)
        labels = ids.copy()
        labels[: max(1, length // 3)] = IGNORED
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def plain_loss(model, rows):
    """Summed over the rows' trained tokens."""
    total = torch.zeros(())
    for row in rows:
        logits = model(input_ids=torch.from_numpy(row["input_ids"])[None]).logits[0, :-1].float()
        total = total + F.cross_entropy(
            logits, torch.from_numpy(row["labels"])[1:], ignore_index=IGNORED, reduction="sum"
        )
    return total


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_alike(ours, theirs, tolerance=1e-5):
    assert ours.keys() == theirs.keys()
    # Against the largest gradient of all: some tensors' true gradient is zero (a bias that softmax cancels).
    largest = max(float(gradient.abs().max()) for gradient in theirs.values())
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=tolerance, atol=tolerance * largest, msg=name)


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING)
def test_loss_and_all_gradients_are_the_plain_ones(make):
    rows = examples()
    plain = make()
    expected = plain_loss(plain, rows)
    model = make()
    assert enable(model, LONGEST) is None
    result = fast_loss(model, EndToEnd()(rows)["packed"])
    assert float(result.loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert_alike(gradients(model, result.loss), gradients(plain, expected))


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("layers", ["all-linear", ["q_proj", "v_proj"]], ids=str)
def test_through_an_adapter(layers, checkpointing):
    rows = examples()
    model = get_peft_model(llama(), LoraConfig(r=4, target_modules=layers, init_lora_weights=False, lora_dropout=0.0))
    expected = plain_loss(model, rows)
    theirs = gradients(model, expected)
    assert enable(model, LONGEST) is None
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    model.train()
    result = fast_loss(model, EndToEnd()(rows)["packed"])
    assert float(result.loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert_alike(gradients(model, result.loss), theirs)
    with model.disable_adapter():
        reference = fast_loss(model, EndToEnd()(rows)["packed"]).loss
        assert float(reference.detach()) == pytest.approx(float(plain_loss(model, rows).detach()), rel=1e-5)
    assert float(reference.detach()) != pytest.approx(float(expected.detach()), rel=1e-3)


def test_bf16_autocast_is_within_its_rounding():
    # Random logits of about ±2 are known to 2**-8 of themselves in bf16; over two layers errors add up to a few times
    # that in a single gradient, less than a tenth of its length for each tensor as a whole.
    rows, plain, model = examples(), llama(), llama()
    expected = plain_loss(plain, rows)
    assert enable(model, LONGEST) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = fast_loss(model, EndToEnd()(rows)["packed"])
    assert float(result.loss.detach()) == pytest.approx(float(expected.detach()), rel=5e-3)
    ours, theirs = gradients(model, result.loss), gradients(plain, expected)
    for name, gradient in theirs.items():
        assert float((ours[name] - gradient).norm()) < 0.1 * float(gradient.norm()), name


def test_eight_times_one_is_one_times_eight():
    rows = examples(lengths=(3, 11, 5, 28, 2, 9, 16, 7))
    model = llama()
    assert enable(model, LONGEST) is None
    once = gradients(model, fast_loss(model, EndToEnd()(rows)["packed"]).loss / 50)
    model.zero_grad()
    for row in rows:
        (fast_loss(model, EndToEnd()([row])["packed"]).loss / 50).backward()
    assert_alike({name: p.grad for name, p in model.named_parameters()}, once)


@pytest.mark.parametrize("round_to", [1, 64, 512])
def test_how_the_row_is_rounded_up_changes_nothing(round_to):
    model = llama()
    assert enable(model, LONGEST) is None
    rounded, usual = (
        float(fast_loss(model, batch(examples())["packed"]).loss.detach()) for batch in (EndToEnd(round_to), EndToEnd())
    )
    assert rounded == pytest.approx(usual, rel=1e-6)


def test_what_stands_after_an_example_or_is_not_trained_does_not_change_its_loss():
    model = llama()
    assert enable(model, LONGEST) is None
    rows = examples()
    alone = [fast_loss(model, EndToEnd()([row])["packed"]).loss.detach() for row in rows]
    together = fast_loss(model, EndToEnd()(rows)["packed"]).loss.detach()
    assert float(together) == pytest.approx(sum(map(float, alone)), rel=1e-6)
    # An answer that isn't trained, at the end of its example, is seen by nothing that is.
    cut = {name: values[:20].copy() for name, values in rows[4].items()}
    untrained = {name: values.copy() for name, values in rows[4].items()}
    untrained["labels"][20:] = IGNORED
    assert float(fast_loss(model, EndToEnd()([untrained])["packed"]).loss.detach()) == pytest.approx(
        float(fast_loss(model, EndToEnd()([cut])["packed"]).loss.detach()), rel=1e-6
    )


def test_a_batch_without_anything_trained_has_a_loss_of_zero_and_gradients_of_zero():
    model = llama()
    assert enable(model, LONGEST) is None
    rows = examples(lengths=(1, 1, 6))
    rows[2]["labels"][:] = IGNORED
    result = fast_loss(model, EndToEnd()(rows)["packed"])
    assert float(result.loss.detach()) == 0
    assert not any(gradient.any() for gradient in gradients(model, result.loss).values())


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING)
def test_a_shared_prompt_gives_the_same_as_two_whole_sequences(make):
    chance = np.random.default_rng(3)
    pieces, whole = [], []
    for prompt, chosen, rejected in ((11, 6, 9), (1, 3, 1), (7, 1, 1)):
        shared = chance.integers(0, VOCABULARY, prompt)
        ids = [np.concatenate([shared, chance.integers(0, VOCABULARY, answer)]) for answer in (chosen, rejected)]
        labels = [np.where(np.arange(len(i)) >= prompt, i, IGNORED) for i in ids]
        pieces += [(ids[0], labels[0]), (ids[1], labels[1])]
        whole += [Piece(i, label) for i, label in zip(ids, labels, strict=True)]
    model = make()
    assert enable(model, LONGEST) is None
    packed, apart = pack(sharing(pieces, [0, 0, 2, 2, 4, 4])), pack(whole)
    assert packed.layout.total < apart.layout.total
    assert torch.equal(packed.targets, apart.targets) and torch.equal(packed.owners, apart.owners)
    ours, theirs = fast_log_probs(model, packed), fast_log_probs(model, apart)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    factors = torch.randn(len(ours))
    assert_alike(gradients(model, (ours * factors).sum()), gradients(model, (theirs * factors).sum()))


def test_what_is_shared_is_what_begins_alike():
    ids = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5], [1, 2, 9, 9, 9], [8, 2, 3]]
    pieces = sharing([(own, own) for own in ids], [0] * len(ids))
    # Each keeps a token of its own, and a beginning of a few tokens is read again.
    assert [piece.prefix.length if piece.prefix else 0 for piece in pieces] == [0, 6, 5, 4, 0, 0]
    assert all(piece.prefix is None for piece in sharing([(own, own) for own in ids], range(len(ids))))
    packed = pack(pieces, round_to=1)
    assert packed.input_ids.tolist() == [[1, 2, 3, 4, 5, 6, 7, 6, 5, 1, 2, 9, 9, 9, 8, 2, 3]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6, 5, 4, 0, 1, 2, 3, 4, 0, 1, 2]]


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING)
def test_trls_own_question_is_answered_in_its_places(make):
    sequences = [(row["input_ids"], row["labels"]) for row in examples(lengths=(9, 5, 17, 2))]
    plain, model = make(), make()
    add_fused_lm_head(plain)
    add_fused_lm_head(model)  # as TRL's trainers do before
    assert enable(model, LONGEST) is None
    batch = answer_batch(0, sequences, [None])
    asked = {
        "input_ids": batch["input_ids"],
        "attention_mask": batch["attention_mask"],
        "labels": batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED),
        "fused_lm_head": True,
    }
    theirs = plain(**asked).log_probs
    ours = model(**asked, packed=pack(sharing(sequences, range(4)))).log_probs
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model(**asked).log_probs, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING)
def test_last_hidden_states_are_those_of_each_sequence_alone(make):
    chance = np.random.default_rng(3)
    prompt = chance.integers(0, VOCABULARY, 9)
    ids = [np.append(prompt, chance.integers(0, VOCABULARY, answer)) for answer in (4, 1, 7)]
    model = make().eval()
    theirs = torch.cat([model.base_model(torch.from_numpy(own)[None]).last_hidden_state[:, -1] for own in ids])
    assert enable_hidden(model, LONGEST) is None
    packed = pack(sharing([(own, own) for own in ids], [0, 0, 0]))
    assert packed.layout.total == sum(map(len, ids)) - 18
    torch.testing.assert_close(fast_last_hidden(model, packed), theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING)
def test_ordinary_calls_go_on_as_before(make):
    plain, model = make().eval(), make().eval()
    assert enable(model, LONGEST) is None
    ids = torch.randint(0, VOCABULARY, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, :5] = 0  # padded on the left
    with torch.no_grad():
        ours, theirs = (m(input_ids=ids, attention_mask=mask).logits for m in (model, plain))
        torch.testing.assert_close(ours[mask.bool()], theirs[mask.bool()], rtol=1e-5, atol=1e-5)
        answers = [
            m.generate(ids, attention_mask=mask, max_new_tokens=5, do_sample=False, pad_token_id=0)
            for m in (model, plain)
        ]
    assert torch.equal(*answers)


def test_the_way_is_not_kept_in_what_is_saved(tmp_path):
    model = llama()
    assert enable(model, LONGEST) is None
    model.save_pretrained(tmp_path)
    assert "per_sequence" not in (tmp_path / "config.json").read_text()


def test_enabling_draws_no_random_numbers_and_leaves_the_mode_alone():
    model = gpt2(dropout=0.1).train()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert enable(model, LONGEST) is None
    assert torch.equal(torch.get_rng_state(), before) and model.training


def test_dropout_in_attention_is_kept():
    model = gpt2(dropout=0.1).train()
    assert enable(model, LONGEST) is None
    batch = EndToEnd()(examples())["packed"]
    losses = {float(fast_loss(model, batch).loss.detach()) for _ in range(3)}
    assert len(losses) == 3
    model.eval()
    assert float(fast_loss(model, batch).loss.detach()) == pytest.approx(sum(losses) / 3, rel=0.2)


def _with_adapter(model, **changed):
    return get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", **{"target_modules": ["q_proj"], **changed}))


REFUSED = {
    "an adapter on the output layer": (
        lambda: _with_adapter(llama(), target_modules=["q_proj", "lm_head"]), "output layer",
    ),
    "an output layer trained whole": (lambda: _with_adapter(llama(), modules_to_save=["lm_head"]), "output layer"),
    "prompt tuning": (
        lambda: get_peft_model(llama(), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)), "before",
    ),
    "capped scores": (gemma2, "softcap"),
    "a short window in some layers": (lambda: gemma3(16), "window of 16"),
    "a short window": (lambda: mistral(16), "window of 16"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "word"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_with_a_reason_and_left_as_it_was(make, word):
    model = make()
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    ids, attention = torch.arange(10)[None], base.config._attn_implementation
    before = model(input_ids=ids).logits.detach()
    reason = enable(model, LONGEST)
    assert reason is not None and word in reason
    assert base.config._attn_implementation == attention
    assert torch.equal(model(input_ids=ids).logits.detach(), before)
    inner = [module for module in model.modules() if module is not base and type(module) is not Linear]
    assert not any("forward" in vars(module) for module in inner)


def test_a_model_that_computes_something_else_is_found_out():
    model = llama()
    head = model.get_output_embeddings()

    def otherwise(*arguments, **named):
        out = type(model).forward(model, *arguments, **named)
        out.logits = out.logits * 1.5  # scaled, and no setting says so
        return out

    model.forward = otherwise
    reason = enable(model, LONGEST)
    assert reason is not None and "something else" in reason
    assert model.get_output_embeddings() is head and model.forward is otherwise


def test_positions_count_from_each_beginning():
    packed = EndToEnd(1)(examples(lengths=(3, 2)))["packed"]
    assert packed.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert packed.layout.lengths == (3, 2)


def test_labels_say_where_the_loss_is():
    rows = examples()
    batch = EndToEnd()(rows)
    counted = int((batch["labels"][:, 1:] != IGNORED).sum())
    packed = batch["packed"]
    assert counted == len(packed.targets) == sum(int((row["labels"][1:] != IGNORED).sum()) for row in rows)
    assert batch["input_ids"].shape[1] % 64 == 0
    assert torch.equal(batch["input_ids"][0, packed.rows + 1], packed.targets)


def test_perfect_and_uniform_models_have_the_losses_of_the_book():
    model = llama()
    assert enable(model, LONGEST) is None
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    packed = EndToEnd()(examples())["packed"]
    mean = float(fast_loss(model, packed).loss.detach()) / len(packed.targets)
    assert mean == pytest.approx(math.log(VOCABULARY), rel=1e-5)


def test_a_frozen_output_layer_is_turned_once_and_again_when_it_changes():
    model = llama()
    make = head_of(model)
    layer = model.get_output_embeddings()
    hidden = torch.randn(3, 32)
    with torch.autocast("cpu", torch.bfloat16):
        assert make(hidden).turned is None  # it is trained
        layer.weight.requires_grad_(False)
        first = make(hidden).turned
        assert first is not None and first.dtype == torch.bfloat16 and make(hidden).turned is first
        with torch.no_grad():
            layer.weight.add_(1)
        again = make(hidden).turned
    assert again is not None and torch.equal(again, layer.weight.bfloat16())
    assert make(hidden).turned is None  # computed as it is
