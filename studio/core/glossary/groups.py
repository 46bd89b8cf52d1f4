"""What methods have that compare several answers to each prompt (RLOO, GRPO), in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.glossary.entry import Entry

GROUPS: Mapping[str, Entry] = {
    "answers_each": Entry(
        "How many answers are written to each prompt. An answer is learned from by how much better or worse it scores "
        "than its siblings, so no value model has to foretell anything. The answers of a step must divide by it.",
        "4 to 16; RLOO's authors took 2 and 4 (Ahmadian et al. 2024), DeepSeek 16 and 64 for GRPO.",
        "When the score is noisy, or all answers to a prompt are often right or all wrong.",
        "To answer more different prompts in a step of the same size.",
    ),
    "normalise_advantages": Entry(
        "Brings what a step's answers are learned by to mean 0 and deviation 1, so that the learning rate means the "
        "same for any scale of reward.",
        "Off, as in the paper; on where rewards are very large or very small.",
        choose="On when the reward is a model whose scores have a scale of their own; off with rules between 0 and 1.",
    ),
    "scale": Entry(
        "What an answer's distance from the mean of its group is divided by. Dividing by the group's own spread makes "
        "prompts on which answers hardly differ count as much as the others (Shao et al. 2024).",
        "The group's spread, as GRPO was first described.",
        choose="The step's spread is steadier with few answers to each prompt; nothing avoids favouring very easy and "
        "very hard prompts (Liu et al. 2025, Dr. GRPO).",
    ),
    "averaging": Entry(
        "How the tokens of a step's answers are weighed. If each answer counts the same, a token of a long answer "
        "counts less than one of a short answer, and long wrong answers are hardly corrected.",
        "All tokens alike (Yu et al. 2025, DAPO), which is TRL's default.",
        choose="Each answer alike is how GRPO was first described (Shao et al. 2024); by the longest length takes the "
        "answers' own lengths out altogether (Liu et al. 2025, Dr. GRPO).",
    ),
}
