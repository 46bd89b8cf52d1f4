"""What learning from preferences and judging have, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from studio.core.glossary.entry import Entry

PREFERENCES: Mapping[str, Entry] = {
    "beta": Entry(
        "How strongly the model is held to where it started. It divides the same difference in reward among smaller or "
        "larger changes of probability (Rafailov et al. 2023, equation 7).",
        "0.1 for DPO and KTO; 0.01 to 0.5 is tried. For length-normalised losses 2 and more (SimPO, Meng et al. 2024).",
        "When KL climbs and answers become strange, longer or all alike.",
        "When margins and accuracy hardly rise.",
    ),
    "variant": Entry(
        "How a preference becomes a loss. DPO: logistic (Rafailov et al. 2023). IPO: a square around a fixed gap, so "
        "that easy pairs aren't pushed on (Azar et al. 2023). Hinge: nothing more once the gap is there (SLiC, Zhao et "
        "al. 2023). Robust: reckons with flipped labels (Chowdhury et al. 2024). By length: a mean over tokens.",
        "DPO.",
        choose="IPO when a few pairs are repeated often, Robust when labels are noisy, by length when answers grow "
        "longer without growing better.",
    ),
    "chosen_weight": Entry(
        "How much the loss of fine-tuning on the chosen answers counts beside the loss of the preference (RPO: Pang et "
        "al., “Iterative Reasoning Preference Optimization”, 2024). A preference only says that one answer is better, "
        "so DPO may make both less likely; this keeps the chosen ones likely.",
        "0; 0.2 to 1 where it is used.",
        "When the chosen reward falls, or answers that were right before DPO are wrong after it.",
        "When the chosen answers are not good enough to be imitated.",
    ),
    "wrong_labels": Entry(
        "About which share of the preferences is the wrong way round; the robust loss corrects for so many on average "
        "(Chowdhury et al. 2024). Other losses don't read it.",
        "0.1; people agree with each other on 63 to 77 % of such pairs (InstructGPT: 73 %).",
        "When labels come from a weak model or a crowd.",
        "When you labelled carefully yourself.",
    ),
    "good_weight": Entry(
        "How much a good answer counts. Best when weight times number is about the same for both sides (Ethayarajh et "
        "al. 2024, equation 8: a ratio of 1 to 4/3).",
        "1; the run says by how much when the data are far from balanced.",
        "When good answers are the rarer ones.",
        "When bad answers are the rarer ones; raising the other weight is clearer.",
    ),
    "bad_weight": Entry(
        "How much a bad answer counts. Best when weight times number is about the same for both sides (Ethayarajh et "
        "al. 2024, equation 8: a ratio of 1 to 4/3).",
        "1; the run says by how much when the data are far from balanced.",
        "When bad answers are the rarer ones.",
        "When good answers are the rarer ones; raising the other weight is clearer.",
    ),
    "margins": Entry(
        "Uses how strongly one answer was preferred, where a dataset tells it: the judge must then keep the two at "
        "least so far apart (Llama 2, Touvron et al. 2023, equation 2).",
        "On; without margins in the data it changes nothing.",
        choose="Off when the margins were given carelessly.",
    ),
    "doubt": Entry(
        "Whether the score weighs, beside what the model makes of the whole answer, the log-probability of its least "
        "likely token. A model that writes well doubts wrong words, but only its output layer says so; the largest "
        "surprise in an answer is a known sign of made-up facts (Manakul et al., “SelfCheckGPT”, 2023).",
        "Off: a reward model that reads it is an adapter with a head of its own form, which other programs can't load.",
        choose="On when wrong answers that are said well win, and the adapter to go on from was fine-tuned on answers "
        "like these.",
    ),
    "centre": Entry(
        "Weight of a term that keeps a pair's two rewards around zero (Eisenstein et al. 2023). Only differences are "
        "learned otherwise, and rewards may drift to any level.",
        "0.01 (TRL's advice).",
        "When rewards are all far from zero and something else needs them on a fixed scale, as PPO does.",
        "When accuracy suffers; 0 turns it off.",
    ),
}
