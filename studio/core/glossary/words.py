"""The words of the field, each in two or three plain sentences. Settings have entries of their own (GLOSSARY)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is shown, other forms under which it stands on the screen, and what it means."""

    term: str
    text: str
    also: tuple[str, ...] = ()


_WORDS = (
    Word(
        "adapter",
        "Small layers that are trained beside a model whose own weights stay as they are. An adapter is a few "
        "megabytes, belongs to one base model, and can be taken off again: without it the base answers as before.",
        ("adapters",),
    ),
    Word(
        "base model",
        "The model that training begins with: a folder of weights that has read a great deal of text. Its files are "
        "never changed.",
        ("base models", "base"),
    ),
    Word(
        "batch",
        "The rows that a model sees together before it changes a little. Rows at a time, times passes per step, is the "
        "effective batch; it is what the learning depends on.",
        ("effective batch",),
    ),
    Word(
        "beta",
        "How tightly DPO or KTO holds the model to where it began. Small: it may move far. Large: it stays close.",
    ),
    Word(
        "candidate",
        "One of several answers to the same prompt, written by a model, waiting to be judged.",
        ("candidates",),
    ),
    Word(
        "chat template",
        "How a conversation is written out as one text, with marks for who speaks and where an answer ends. A model "
        "must be talked to in the form in which it was trained.",
        ("template", "prompt template", "templates"),
    ),
    Word(
        "checkpoint",
        "A run as it stood at some step, saved whole: from there it can go on exactly as if it had never stopped.",
        ("checkpoints",),
    ),
    Word(
        "completion mask",
        "Which tokens the loss counts. Usually the answer's only: the question is read, but not learned.",
        ("mask", "masked"),
    ),
    Word(
        "context",
        "How many tokens a model can look at together. What is longer is cut.",
    ),
    Word(
        "DPO",
        "Direct preference optimisation: learns from pairs alone, without a reward model. It makes the chosen answers "
        "likelier than the rejected ones, measured against where the model began.",
    ),
    Word(
        "epoch",
        "One pass over all of the data.",
        ("epochs",),
    ),
    Word(
        "gradient",
        "In which direction each weight should move to make the loss a little smaller.",
        ("gradients", "gradient norm"),
    ),
    Word(
        "GRPO",
        "Group relative policy optimisation: like RLOO, with the rewards of a prompt's answers brought to one scale. "
        "Suits answers that are right or wrong.",
    ),
    Word(
        "held-out",
        "Rows that are kept back and never trained on. Only they tell whether something was understood or learned by "
        "heart.",
        ("held out", "eval loss", "evaluation"),
    ),
    Word(
        "KL",
        "The Kullback-Leibler divergence: how far a model has moved from where it began, counted in nats. A little is "
        "wanted, else nothing was learned; a lot often means that it learned to please the judge and forgot the rest.",
        ("KL penalty", "kl"),
    ),
    Word(
        "KTO",
        "Kahneman-Tversky optimisation: learns from single answers that were called good or bad. No pairs are needed.",
    ),
    Word(
        "learning rate",
        "How far each step moves the weights. Too small and nothing is learned, too large and the model falls apart.",
    ),
    Word(
        "LoRA",
        "Low-rank adaptation: instead of all weights a thin pair of matrices beside each layer is trained. It needs a "
        "fraction of the memory and usually learns as well.",
        ("QLoRA", "DoRA"),
    ),
    Word(
        "loss",
        "How surprised the model is by the right answers. Training makes it smaller. On held-out rows it should fall "
        "too.",
    ),
    Word(
        "margin",
        "By how much the chosen answer is preferred over the rejected one.",
        ("margins",),
    ),
    Word(
        "pair",
        "Two answers to one prompt, of which one was chosen and one rejected.",
        ("pairs", "preference", "preferences"),
    ),
    Word(
        "policy",
        "The model that is being trained when it learns from a reward: it acts by writing.",
    ),
    Word(
        "PPO",
        "Proximal policy optimisation: the model writes answers, a reward model scores them, and what scored better "
        "than expected becomes likelier, a little at a time and never far from where it began.",
    ),
    Word(
        "quantisation",
        "Weights kept in 8 or 4 bits instead of 16 or 32. The model becomes two to eight times smaller and a little "
        "worse.",
        ("quantised", "4 bits", "8 bits", "GGUF"),
    ),
    Word(
        "rank",
        "How thin LoRA's matrices are. Higher learns more and needs more memory; 16 is usual.",
    ),
    Word(
        "recipe",
        "Everything that decides a run in one file: model, data, method and settings. The same recipe gives the same "
        "run.",
    ),
    Word(
        "reference",
        "The model as it was before training, which KL is measured against. With an adapter it needs no memory of its "
        "own: the adapter is switched off.",
    ),
    Word(
        "reward hacking",
        "The score climbs while the answers get worse: the model found out what the judge likes instead of what is "
        "good. A KL penalty and a second judge show it.",
    ),
    Word(
        "reward model",
        "A model that gives an answer a score, learned from pairs that people judged. It stands in for the people "
        "while PPO trains. It can't be talked to.",
        ("reward", "judge"),
    ),
    Word(
        "RLHF",
        "Reinforcement learning from human feedback: people judge answers, a reward model learns to judge like them, "
        "and PPO trains the model to write what scores well.",
    ),
    Word(
        "RLOO",
        "REINFORCE leave-one-out: several answers to each prompt; those that score better than their siblings become "
        "likelier. Simpler than PPO, without a value model.",
    ),
    Word(
        "rollout",
        "An answer that the model wrote while it learned from a reward.",
        ("rollouts",),
    ),
    Word(
        "sampling",
        "How the next token is chosen from the odds that the model gives: the likeliest always, or by chance.",
        ("top-p", "top-k", "min-p"),
    ),
    Word(
        "seed",
        "The number that all chance begins with. The same seed gives the same answer again.",
    ),
    Word(
        "SFT",
        "Supervised fine-tuning: learning to answer as the examples do. The usual first step, before any preferences.",
        ("fine-tuning",),
    ),
    Word(
        "temperature",
        "How daring sampling is. Near 0 the likeliest token is taken almost always; at 1 the odds are as the model "
        "gives them; above, unlikely words come up.",
    ),
    Word(
        "token",
        "A piece of text as a model reads it: a word, part of one, or a sign. Lengths and costs are counted in tokens.",
        ("tokens", "tokenizer"),
    ),
    Word(
        "value model",
        "In PPO, the part that foretells the reward while an answer is being written, so that good words can be told "
        "from bad ones within it.",
    ),
    Word(
        "verdict",
        "What somebody said of answers: which is better, a rank, or a rating.",
        ("verdicts", "vote", "votes"),
    ),
    Word(
        "weights",
        "The numbers that make a model what it is.",
        ("parameters",),
    ),
)
WORDS: Mapping[str, Word] = {word.term: word for word in _WORDS}


def words_in(text: str, say: Callable[[str], str] = str) -> list[Word]:
    """The words that stand in a text, in the order of the alphabet. Whole words only; capitals don't matter.

    `say` translates a word into the language of the text.
    """
    found = f" {''.join(letter.lower() if letter.isalnum() or letter == '-' else ' ' for letter in text)} "
    found = " ".join(found.split()).join("  ")
    return [
        word for word in WORDS.values() if any(_stands(say(form).lower(), found) for form in (word.term, *word.also))
    ]


def _stands(form: str, text: str) -> bool:
    """Whether a word stands in a text; Chinese has no room between words."""
    return (f" {form} " if form.isascii() else form) in text
