"""What methods have that write answers themselves and learn from their reward (PPO), in plain words.

Most of the advice is from “The N+ implementation details of RLHF with PPO” (Huang et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.glossary.entry import Entry

REWARDED: Mapping[str, Entry] = {
    "answer_tokens": Entry(
        "How long an answer may grow while the model tries things out. One that isn't done by then is cut off.",
        "As long as good answers of the dataset, and a little more: 48 to 256.",
        "When many answers are cut off before their end.",
        "When answers are short anyway: writing is most of the time of a step.",
    ),
    "temperature": Entry(
        "How adventurous the answers are that it learns from: the odds of the next token are taken to the power of one "
        "over it.",
        "1 while training, or 0.7 (Huang et al. 2024), so that what is tried is what the model would say.",
        "When all answers to a prompt are alike and nothing new is tried.",
        "When too many answers are nonsense.",
    ),
    "kl_coefficient": Entry(
        "What a nat of distance from the start costs in reward, token by token (Ziegler et al. 2019). It keeps the "
        "model from drifting to nonsense that the judge likes by accident.",
        "0.02 to 0.1 (InstructGPT took 0.02, Huang et al. 0.05).",
        "When KL climbs past its budget, or rewards rise while answers get worse.",
        "When the reward hardly rises and KL stays near zero.",
    ),
    "kl_budget": Entry(
        "How far from its start the model may be for a checkpoint to count as the best. Beyond it a better reward is "
        "less and less worth believing (Gao et al. 2023).",
        "5 to 20 nats an answer.",
        "With long answers: distance adds up over their tokens.",
        "With a judge that was trained on few comparisons.",
    ),
    "end_bonus": Entry(
        "Added to the score of an answer that ends its turn by itself.",
        "0; the penalty for not ending usually is enough.",
        "When too few answers come to an end.",
        "When answers end after a few words.",
    ),
    "cut_penalty": Entry(
        "Taken from the score of an answer that is cut off at the longest length (the EOS trick, Huang et al. 2024).",
        "1 with normalised scores.",
        "When many answers run to the limit.",
        "When answers become too short.",
    ),
    "length_penalty": Entry(
        "Taken from the score for every token, against judges that like length (Singhal et al. 2023).",
        "0; 0.001 to 0.01 where it is needed.",
        "When answers grow longer and not better.",
        "When answers become too short.",
    ),
    "minibatches": Entry(
        "Splits a step's answers into so many updates, one after another.",
        "1 to 4 (InstructGPT took 8).",
        "With many answers a step, to learn more from them.",
        "When the ratio or the clip fraction runs away within a step.",
    ),
    "update_epochs": Entry(
        "How often a step learns from the same answers before new ones are written.",
        "4 (Huang et al. 2024; Schulman et al. 2017 took 3 to 10).",
        "When writing answers is slow and the clip fraction is small.",
        "When the clip fraction is above 0.2 or the policy's KL within a step is large.",
    ),
    "value_model": Entry(
        "What foretells an answer's reward while it is being written, which makes the learning steadier.",
        "Its own adapter; a model of its own in most papers.",
        choose="A head on the policy when time or memory are short.",
    ),
    "clip_range": Entry(
        "How much likelier or less likely a step may make a token before its gradient is cut off (Schulman et al. "
        "2017, equation 7).",
        "0.2.",
        "Seldom.",
        "When learning is unsteady: 0.1.",
    ),
    "value_clip": Entry(
        "The same for the foretold rewards: how far a step may move them.",
        "0.2 (OpenAI's baselines; Huang et al. 2024 found that it matters little).",
        "When explained variance rises very slowly.",
        "When the value loss jumps. 0 turns clipping off.",
    ),
    "value_coefficient": Entry(
        "How much learning to foretell counts beside learning to answer.",
        "0.1 (Huang et al. 2024); 0.5 in games.",
        "When explained variance stays near zero.",
        "When the policy's loss is drowned in the value's, with a shared head above all.",
    ),
    "entropy_coefficient": Entry(
        "Rewards staying undecided, so that the model goes on trying things out.",
        "0 with a KL penalty; up to 0.01 without.",
        "When entropy falls to nearly nothing early on.",
        "When answers stay random.",
    ),
    "discount": Entry(
        "How much a reward at the end of an answer counts for each token before it.",
        "1: an answer is judged as a whole.",
        "It can't be more than 1.",
        "Seldom for text.",
    ),
    "gae_lambda": Entry(
        "Between trusting what was rewarded (1) and what the value model foretells (0) when a token's advantage is "
        "worked out (Schulman et al. 2016).",
        "0.95.",
        "When the value model foretells badly (explained variance below zero).",
        "When advantages are very noisy and the value model is good.",
    ),
    "whiten": Entry(
        "Brings a step's advantages to mean 0 and deviation 1, so that any scale of reward suits the learning rate.",
        "On (Huang et al. 2024).",
        choose="Off only to repeat an experiment.",
    ),
    "normalise": Entry(
        "Brings scores to mean 0 and deviation 1 over all answers so far, so that any judge suits the KL penalty.",
        "On.",
        choose="Off for rules whose scores have a meaning of their own, such as 0 and 1.",
    ),
    "score_clip": Entry(
        "Cuts scores that are higher or lower than this, so that a freak can't rule a step.",
        "5 to 10, in deviations.",
        "When good answers are cut off, too: then scores aren't normal.",
        "When single answers make the loss jump. 0 turns it off.",
    ),
    "kl_estimator": Entry(
        "How the distance to the start is told from the tokens that were drawn (Schulman 2020, Approximating KL "
        "divergence).",
        "k1.",
        choose="k3 when the figure's noise is a nuisance; k1 is what the penalty is made of in most papers.",
    ),
    "kl_control": Entry(
        "Whether the KL penalty stays as it is or is steered towards a distance (Ziegler et al. 2019, section 2.2).",
        "Fixed.",
        choose="Adaptive when no fixed penalty keeps the distance where it is wanted.",
    ),
    "kl_target": Entry(
        "The distance that the adaptive penalty steers to.",
        "6 nats an answer (Ziegler et al. 2019).",
        "When the reward stays low at this distance.",
        "When answers get worse at it.",
    ),
    "stop_update_at": Entry(
        "Ends a step's passes over its answers once the policy has moved this far within the step.",
        "0, never; 0.02 (OpenAI's Spinning Up takes 0.015).",
        "When steps end after their first pass.",
        "When single steps move the model too far.",
    ),
    "rollout_batch": Entry(
        "How many answers are written side by side; fewer need less memory for what was read so far.",
        "0, all of a step at once.",
        "When writing is slow and memory is left.",
        "When memory runs out while answers are written.",
    ),
}
