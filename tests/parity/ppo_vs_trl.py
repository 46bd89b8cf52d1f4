"""Our PPO's arithmetic against that of TRL 1.12's experimental PPOTrainer, its last release, on TRL's own rollouts.

    python tests/parity/ppo_vs_trl.py [--environment FOLDER]

It makes a virtual environment (in a temporary folder, or in FOLDER to keep it), installs trl==1.12.0 there beside the
packages of this one, lets TRL train a tiny random model for two steps, and takes down its tokens, log-probabilities,
values, scores, advantages and losses. From the tokens' numbers ours must make the same advantages, returns, KL and
losses to 1e-5. pytest doesn't collect this file: it needs the package index once.

Where the two mean different things, and what is compared then:
- TRL rewards an answer that ended one place after its last token, where it has a value too; we reward the last token,
  after which there is nothing to foresee (as in InstructGPT). Compared is TRL's layout in our functions, and that ours
  gives the same advantages wherever TRL's value at that place happens to be the score.
- TRL's `objective/scores` has the penalty for not ending in it; our `score` is what the sources gave.
- TRL's `policy/approxkl` is half of the squared log-ratio, over padding too; ours is ratio - 1 - log-ratio, over
  answers alone. `val/ratio` is over padding too. Compared is TRL's formula on our numbers.
- TRL's `objective/entropy` is minus the log-probability of the chosen tokens, summed up over an answer; ours is the
  entropy of what could have stood there, a mean over tokens. Not compared.
- TRL divides by temperature + 1e-7; it clips no gradients; a step's passes have a mean each, ours one mean in all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

TOLERANCE = 1e-5
TRL = "trl==1.12.0"
KL, CLIP, VALUE_CLIP, VALUE_WEIGHT, DISCOUNT, LAMBDA, TEMPERATURE = 0.05, 0.2, 0.2, 0.1, 0.98, 0.95, 0.7
STEPS, EPOCHS, EPISODES, ANSWER = 2, 3, 16, 12


def main() -> int:
    """Compare, and say by how much the two differ."""
    parser = argparse.ArgumentParser(description="Compare our PPO's arithmetic with TRL 1.12's.")
    parser.add_argument("--environment", type=Path, help="where to keep the environment with TRL 1.12")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run_trl(arguments.inside)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        python = environment(arguments.environment or Path(folder) / "trl")
        taken = Path(folder) / "taken.pt"
        silent = {"TRL_EXPERIMENTAL_SILENCE": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
        for estimator in ("k1", "k3"):
            told = {**os.environ, **silent, "ESTIMATOR": estimator}
            subprocess.run([python, __file__, "--inside", str(taken)], check=True, env=told, stdout=sys.stderr)
            worst = compare(taken, estimator)
            for name, difference in worst.items():
                print(f"{estimator} {name:32s} {difference:.2e} {'ok' if difference <= TOLERANCE else 'DIFFERS'}")
            if max(worst.values()) > TOLERANCE:
                return 1
    return 0


def environment(folder: Path) -> str:
    """The interpreter of an environment with TRL 1.12 before everything that this one has."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", TRL], check=True, stdout=sys.stderr)
        paths = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        Path(paths.stdout.strip(), "beside.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return str(python)


# ------------------------------------------------------------------------------------------------- TRL's side


def run_trl(out: Path) -> None:
    """Let TRL train, and take down what it computes with. Runs in TRL's environment."""
    import torch
    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import (
        PhiConfig,
        PhiForCausalLM,
        PhiForSequenceClassification,
        PreTrainedTokenizerFast,
        TrainerCallback,
    )
    from trl.experimental.ppo import PPOConfig, PPOTrainer
    from trl.experimental.ppo import ppo_trainer as module

    assert trl.__version__ == "1.12.0", trl.__version__
    words = ["<pad>", "<eos>", *(chr(97 + place) for place in range(14))]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "<pad>")),
        pad_token="<pad>", eos_token="<eos>", padding_side="left",
    )  # fmt: skip
    torch.manual_seed(0)
    config = PhiConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64, initializer_range=0.3, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        num_labels=1,
    )  # fmt: skip
    policy, reference = PhiForCausalLM(config), PhiForCausalLM(config)
    policy.lm_head.bias.data[0] = -1e4  # TRL would take padding that was written for the end of an answer
    reference.load_state_dict(policy.state_dict())
    for weight in reference.parameters():  # so that there is some KL from the first step on
        weight.data += 0.02 * torch.randn_like(weight)
    reward, value = PhiForSequenceClassification(config), PhiForSequenceClassification(config)
    chance = torch.Generator().manual_seed(1)
    prompts = [torch.randint(2, len(words), (6,), generator=chance).tolist() for _ in range(EPISODES * STEPS)]
    data = Dataset.from_list([{"input_ids": prompt} for prompt in prompts])
    steps: list[dict[str, Any]] = []

    def listen(name: str, tell: Any) -> None:
        before = getattr(module, name)

        def heard(*given: Any, **named: Any) -> Any:
            result = before(*given, **named)
            tell(result, *given)
            return result

        setattr(module, name, heard)

    def copied(tensor: Any) -> Any:
        return tensor.detach().clone()

    def begin(result: Any, model: Any, queries: Any, *_: Any) -> None:
        steps.append(
            {
                "prompt": queries.shape[1],
                "sequences": copied(result[0]),
                "logs": [],
                "values": [],
                "whitened": [],
                "passes": [],
            }
        )

    def chosen(result: Any, *_: Any) -> None:
        if not steps[-1]["whitened"]:
            steps[-1]["logs"].append(copied(result))
        else:
            steps[-1]["passes"][-1]["log_probs"] = copied(result)

    def scored(result: Any, *_: Any) -> None:
        steps[-1]["values"].append(copied(result[0] if len(steps[-1]["values"]) == 0 else result[1]))

    def whitened(result: Any, values: Any, mask: Any, **_: Any) -> None:
        steps[-1]["whitened"].append((copied(values), copied(mask), copied(result)))

    def passed(result: Any, model: Any, sequences: Any, *_: Any) -> None:
        if steps[-1]["whitened"]:
            steps[-1]["passes"].append({"sequences": copied(sequences), "foretold": copied(result[1])})

    for name, tell in (
        ("batch_generation", begin), ("selective_log_softmax", chosen), ("get_reward", scored),
        ("masked_whiten", whitened), ("forward", passed),
    ):  # fmt: skip
        listen(name, tell)

    class Figures(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            steps[-1]["figures"] = dict(logs)

    arguments = PPOConfig(
        output_dir=str(out.parent / "trl_out"), per_device_train_batch_size=EPISODES, num_mini_batches=2,
        gradient_accumulation_steps=1, num_ppo_epochs=EPOCHS, total_episodes=EPISODES * STEPS, response_length=ANSWER,
        stop_token="eos", missing_eos_penalty=1.0, learning_rate=3e-3, kl_coef=KL, cliprange=CLIP,
        cliprange_value=VALUE_CLIP, vf_coef=VALUE_WEIGHT, gamma=DISCOUNT, lam=LAMBDA, temperature=TEMPERATURE,
        kl_estimator=os.environ["ESTIMATOR"], whiten_rewards=False, local_rollout_forward_batch_size=EPISODES,
        num_sample_generations=0, report_to="none", save_strategy="no", use_cpu=True, bf16=False, logging_steps=1,
        disable_tqdm=True, seed=3,
    )  # fmt: skip
    trainer = PPOTrainer(
        args=arguments, processing_class=tokenizer, model=policy, ref_model=reference, reward_model=reward,
        value_model=value, train_dataset=data, eval_dataset=data, callbacks=[Figures()],
    )  # fmt: skip
    trainer.train()
    assert len(steps) == STEPS and all(len(step["passes"]) == 2 * EPOCHS for step in steps)
    torch.save(steps, out)


# ------------------------------------------------------------------------------------------------- ours


def compare(file: Path, estimator: str) -> dict[str, float]:
    """The largest difference of each quantity over all steps."""
    import torch

    from studio.engine.ppo.advantages import generalised_advantages, whiten
    from studio.engine.ppo.losses import KL_ESTIMATORS, policy_loss, value_loss
    from studio.engine.ppo.rewards import token_rewards

    worst: dict[str, float] = {}

    def same(name: str, ours: Any, theirs: Any) -> None:
        difference = float((torch.as_tensor(ours) - torch.as_tensor(theirs)).abs().max())
        worst[name] = max(worst.get(name, 0.0), difference)

    for step in torch.load(file, weights_only=True):
        answers = step["sequences"][:, step["prompt"] :]
        ends = (answers == 1).int().argmax(1) + 1
        ended = (answers == 1).any(1)
        lengths = torch.where(ended, ends, ANSWER)
        places = torch.arange(ANSWER)[None]
        mask = places < lengths[:, None]
        wider = places < (lengths + (lengths < ANSWER))[:, None]  # TRL's, with the place after the end
        old, reference = step["logs"]
        values = step["values"][0][:, step["prompt"] - 1 : -1, 0]
        scores = step["values"][1].squeeze(-1) - (~ended).float()  # missing_eos_penalty
        assert 0 < int(ended.sum()) < EPISODES or lengths.unique().numel() > 2, "rollouts of one length prove little"

        kl = KL_ESTIMATORS[estimator](old, reference) * mask
        rewards = token_rewards(scores, kl, wider, KL)
        advantages, returns = generalised_advantages(rewards, values, wider, discount=DISCOUNT, lam=LAMBDA)
        raw, trl_mask, trl_white = step["whitened"][0]
        assert bool((trl_mask == mask).all())
        same("advantages", advantages, raw)
        same("returns", returns, raw + values * wider)
        white = whiten(advantages, mask)
        same("whitened advantages", white, trl_white * mask)
        figures = step["figures"]
        same("objective/kl", kl.sum(1).mean(), figures["objective/kl"])
        same("objective/scores", scores.mean(), figures["objective/scores"])
        shaped = scores - KL * kl.sum(1)
        same("objective/rlhf_reward", shaped.mean(), figures["objective/rlhf_reward"])

        # Where TRL's value after the end is the score itself, there is no surprise there, and both layouts agree.
        seen = values.clone()
        early = ended & (lengths < ANSWER)
        seen[early, lengths[early]] = scores[early]
        theirs, _ = generalised_advantages(rewards, seen, wider, discount=1.0, lam=LAMBDA)
        ours, _ = generalised_advantages(token_rewards(scores, kl, mask, KL), values, mask, discount=1.0, lam=LAMBDA)
        same("advantages, ours and TRL's layout", ours * mask, theirs * mask)

        told: dict[str, list[Any]] = {
            "policy": [],
            "value": [],
            "clipped": [],
            "value clipped": [],
            "k2": [],
            "ratio": [],
        }
        for one in step["passes"]:
            rows = [int((step["sequences"] == sequence).all(1).nonzero()[0, 0]) for sequence in one["sequences"]]
            here, near = mask[rows], wider[rows]
            new, foretold = one["log_probs"], one["foretold"][:, step["prompt"] - 1 : -1, 0]
            policy = policy_loss(new[here], old[rows][here], white[rows][here], CLIP)
            value = value_loss(foretold[near], (values * wider)[rows][near], returns[rows][near], VALUE_CLIP)
            told["policy"].append(policy.loss.mean())
            told["value"].append(value.loss.mean())
            told["clipped"].append(policy.clipped.float().mean())
            told["value clipped"].append(value.clipped.float().mean())
            moved = (new - old[rows]) * here
            told["k2"].append(0.5 * moved.square().mean())
            told["ratio"].append(moved.exp().mean())
        for name, trl_name in (
            ("policy", "loss/policy_avg"), ("value", "loss/value_avg"), ("clipped", "policy/clipfrac_avg"),
            ("value clipped", "val/clipfrac_avg"), ("k2", "policy/approxkl_avg"), ("ratio", "val/ratio"),
        ):  # fmt: skip
            same(trl_name, torch.stack(told[name]).mean(), figures[trl_name])
    return worst


if __name__ == "__main__":
    raise SystemExit(main())
