"""The methods that learn from a reward, in plain words: how each works, and when to take it."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.glossary.entry import Entry

REWARDED_METHODS: Mapping[str, Entry] = {
    "ppo": Entry(
        "The model writes an answer to each prompt, and the reward says how good it is. A second part of the model"
        " (the value model) learns to foretell that while an answer is being written, so that each word can be "
        "told apart: was it better or worse than expected? Words that were better become likelier, a little at a "
        "time, and the KL penalty keeps the model near where it started.",
        "After fine-tuning, with a reward model of your own; it is how the first chat models were aligned "
        "(InstructGPT, 2022).",
        choose="Learns several times from each answer and tells its words apart, but has the most to set. Begin with "
        "RLOO if you have never done this.",
    ),
    "rloo": Entry(
        "The model writes several answers to each prompt, and the reward says how good each is. An answer that "
        "scores better than the mean of its siblings becomes likelier as a whole, one that scores worse less "
        "likely. Nothing has to be foretold, so there is no value model and little to set; the distance from the "
        "start is taken from the reward.",
        "Four answers to each prompt, after fine-tuning (Ahmadian et al. 2024).",
        choose="The simplest of the three, with a reward model or rules; its authors found it as good as PPO or "
        "better.",
    ),
    "grpo": Entry(
        "Like RLOO, the model writes several answers to each prompt and learns from how they compare; here the "
        "differences are also brought to one scale, so that prompts on which answers hardly differ count as much "
        "as others. The distance from the start is not part of the reward but held down beside it.",
        "Eight or more answers to each prompt, with rewards that are right or wrong (Shao et al. 2024).",
        choose="For answers that can be checked, such as valid JSON or a right result; with few answers to each prompt "
        "RLOO is steadier.",
    ),
}
