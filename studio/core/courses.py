"""The courses: aligning the starter model with its sample data, and a chain of stages for each goal of a new project.

The words are for people who have never trained a model. What a step needs to be done is asked of `core.guide.Facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from studio.core.guide import MADE_BY_RLHF, Act, Course, Facts, Step
from studio.core.lessons import DPO, PPO, REWARD, SFT

_IMPORTING = ("data:panel.question.go",)  # the file comes from the guide's own button
_IMPORTING_OWN = ("data:panel.question.go", "data:beginning.empty.button", "data:import_button")
_TRAINING = ("train:start",)
_ENOUGH_TRIED = 4  # verdicts to see how judging feels
_ENOUGH_TO_LEARN = 50  # verdicts that a small preference run can learn something from

_COMPARE = Step(
    "compare",
    "Compare blind and vote",
    "chat",
    "Is your model really better than the one that it came from? Let both answer the same prompts without names, their "
    "sides shuffled. Start the blind test, read both answers, and vote. One vote is enough to go on here; twenty tell "
    "you more.",
    "Does one answer keep to the question where the other only goes on writing? The names come with the result. Your "
    "votes are kept as labels, so even this comparison can be learned from.",
    lambda facts: facts.votes > 0,
    ("chat:blind.start", "chat:blind.votes", "chat:top.blind"),
    Act("Open the blind test", "blind"),
)

_EXPORT = Step(
    "export",
    "Take your model with you",
    "models",
    "Write the model into a folder or a file that other programs read: the adapter alone, the whole model, or GGUF for "
    "llama.cpp and Ollama. Look over what is proposed, and press Write.",
    "A README beside it says what it was made from, how, and with which settings. The project keeps the model, too.",
    lambda facts: facts.exports > 0,
    ("models:take_away.write",),
    Act("Open Take away", "export"),
    optional=True,
)

FIRST = Course(
    "first",
    "Align your first model",
    "A very small model comes along with data to try things on. In about five minutes, without a graphics card, you "
    "take it through every stage that makes large models helpful.",
    (
        Step(
            "examples",
            "Bring in examples",
            "data",
            "A model learns from examples: an instruction and the answer that it should have given. The sample has a "
            "few thousand of them about a small village. Bring them in, then press Import.",
            "Click a row: below it stand the exact tokens that the model will see, and the ones that it is trained on "
            "are marked. The question is read, the answer is learned.",
            lambda facts: facts.has("examples"),
            _IMPORTING,
            Act("Bring in the sample", "import", "instructions.json"),
        ),
        Step(
            "sft",
            "Teach it to follow instructions",
            "train",
            "The starter model has read stories, but never learned to answer. Supervised fine-tuning (SFT) shows it "
            "your examples again and again. Fill in the form, look it over, and press Start training. It takes about "
            "two minutes.",
            "The loss falls while it trains: the model is less and less surprised by the right answers. When the loss "
            "on held-out rows rises again while the other falls, it learns by heart.",
            lambda facts: facts.finished("sft"),
            _TRAINING,
            Act("Fill in the form", "train", SFT),
            methods=("sft",),
        ),
        Step(
            "pairs",
            "Bring in preferences",
            "data",
            "Now the model answers, but not always well. Preferences say which of two answers is better; they teach "
            "what no single example can show. Bring in the sample's pairs, then press Import.",
            "Each row has a chosen and a rejected answer to the same question. What makes the chosen one better is "
            "never said; the model finds out from many of them.",
            lambda facts: facts.has("pairs"),
            _IMPORTING,
            Act("Bring in the pairs", "import", "preferences.jsonl"),
        ),
        Step(
            "judge",
            "Judge a few pairs yourself",
            "label",
            f"Where do preferences come from? From people like you. Begin a labelling set with the pairs and judge "
            f"{_ENOUGH_TRIED} of them: press 1 for the left answer, 2 for the right one.",
            "The sides are shuffled, so that you can't know which one the data calls better. Every verdict is on the "
            "disk before the next pair is shown, and Z takes it back.",
            lambda facts: facts.verdicts >= _ENOUGH_TRIED,
            ("label:set_up.begin", "label:judge.verdicts", "label:empty.button"),
            Act("Begin with the pairs", "label", "pairs"),
            optional=True,
        ),
        Step(
            "dpo",
            "Let it prefer the better answers",
            "train",
            "Direct preference optimisation (DPO) goes on from the model that you just taught, and makes chosen "
            "answers likelier than rejected ones. Fill in the form, then press Start training. It takes about a "
            "minute.",
            "Accuracy is how often the model finds the chosen answer likelier; it starts near a half and climbs. KL "
            "says how far the model has moved from where it began: a little is wanted, a lot is a warning.",
            lambda facts: facts.finished("dpo"),
            _TRAINING,
            Act("Fill in the form", "train", DPO),
            methods=("dpo",),
            path="dpo",
        ),
        Step(
            "reward",
            "Train a judge",
            "train",
            "A reward model learns from the same pairs to give any answer a score. It will take your place as the "
            "judge. Fill in the form, then press Start training. It takes about a minute.",
            "Accuracy on held-out pairs is how often it agrees with people; around three quarters is usual. The Report "
            "tab says how well it is calibrated.",
            lambda facts: facts.finished("reward"),
            _TRAINING,
            Act("Fill in the form", "train", REWARD),
            methods=("reward",),
            path="ppo",
        ),
        Step(
            "prompts",
            "Bring in prompts",
            "data",
            "To earn rewards the model needs questions to answer, without any answers beside them. Bring in the "
            "sample's prompts, then press Import.",
            "There is only one column: what the model says to it is not written yet.",
            lambda facts: facts.has("prompts"),
            _IMPORTING,
            Act("Bring in the prompts", "import", "prompts.jsonl"),
            path="ppo",
        ),
        Step(
            "ppo",
            "Let it earn the judge's reward",
            "train",
            "Proximal policy optimisation (PPO): the model writes answers, the reward model scores them, and what "
            "scored well becomes likelier. Fill in the form, then press Start training. It takes about a minute.",
            "The reward climbs while KL, the distance from where it began, stays small. Open Rollouts to read what it "
            "wrote: a score that climbs while the answers get worse is called reward hacking.",
            lambda facts: facts.finished("ppo"),
            _TRAINING,
            Act("Fill in the form", "train", PPO),
            methods=("ppo",),
            path="ppo",
        ),
        replace(_COMPARE, act=Act("Open the blind test", "blind", "prompts.jsonl")),
        _EXPORT,
    ),
    paths={"dpo": "Straight from the pairs (DPO)", "ppo": "By a reward model (PPO)"},
    ending="You have aligned a language model: taught it to answer, taught it what is better, and checked that it is. "
    "Everything that you did works the same with your own data and larger models.",
)


def _prefers(facts: Facts) -> bool:
    return facts.finished(*MADE_BY_RLHF)


def _has_prompts(facts: Facts) -> bool:
    return facts.has("prompts", "examples", "pairs")


def _has_verdicts(facts: Facts) -> bool:
    return facts.has("pairs", "labels")


_OWN_EXAMPLES = replace(
    FIRST.steps[0],
    controls=_IMPORTING_OWN,
    text="Drop a file with an instruction and the answer you would like in each row: JSON, CSV, a spreadsheet saved as "
    "CSV, or plain pasted text. A few hundred good ones do more than thousands of careless ones.",
    act=Act("Go to Data", "show", "data"),
)
_OWN_SFT = replace(
    FIRST.steps[1],
    title="Teach it by example",
    text="Choose a base model that fits this computer and your examples, and press Start training. The usual settings "
    "are a good beginning.",
    act=Act("Go to Train", "show", "train"),
)
_LABEL = Step(
    "label",
    "Say which answers you like",
    "label",
    f"Let your model write two answers to each prompt, and say which is better: one key a verdict. From about "
    f"{_ENOUGH_TO_LEARN} verdicts on there is something to learn.",
    "The Quality tab repeats a few pairs to see how steady you are. When you disagree with yourself, the model can't "
    "do better.",
    lambda facts: facts.verdicts >= _ENOUGH_TO_LEARN,
    ("label:set_up.begin", "label:judge.verdicts", "label:empty.button"),
    Act("Go to Label", "show", "label"),
)
_PREFER = replace(
    FIRST.steps[4],
    key="prefer",
    text="Under Label, open Use and train DPO on your verdicts; or choose “Learn from preferences (DPO)” under Train. "
    "It goes on from the model that you fine-tuned.",
    act=Act("Go to Train", "show", "train"),
    done=_prefers,
    methods=MADE_BY_RLHF,
    path="",
)
_PROMPTS = replace(
    FIRST.steps[6],
    controls=_IMPORTING_OWN,
    text="Bring in the questions that you would ask it: a text file with one on each line is enough.",
    done=_has_prompts,
    act=Act("Go to Data", "show", "data"),
    path="",
)
_SAFE_PAIRS = replace(
    FIRST.steps[2],
    controls=_IMPORTING_OWN,
    title="Bring in what is safe and what is not",
    text="You need pairs in which the better answer declines what is harmful and still helps with what is not. Bring "
    "pairs of your own, or rate answers with thumbs under Label.",
    done=_has_verdicts,
    act=Act("Go to Data", "show", "data"),
)
_CHECK_SAFE = replace(
    _COMPARE,
    title="Ask it what it should decline",
    text="Let both models answer the same prompts without names: type some that are harmful, and some that only sound "
    "so. Start the blind test, and vote for the better answer each time.",
    look="Too careful is a fault too: a model that declines harmless questions has learned the wrong thing.",
)

GOALS: Mapping[str, Course] = {
    course.key: course
    for course in (
        Course(
            "task",
            "Teach it a task",
            "Answer questions about my texts, fill in forms, write in a format: things with a right answer.",
            (_OWN_EXAMPLES, _OWN_SFT, _COMPARE, _EXPORT),
        ),
        Course(
            "style",
            "Teach it a style",
            "Sound like me, or like somebody I make up: things that are better or worse rather than right or wrong.",
            (_OWN_EXAMPLES, _OWN_SFT, _LABEL, _PREFER, _COMPARE, _EXPORT),
        ),
        Course(
            "preferences",
            "Teach it my preferences",
            "I know it when I see it: I say which answers I like, and it learns from that.",
            (_PROMPTS, _LABEL, _PREFER, _COMPARE, _EXPORT),
        ),
        Course(
            "safer",
            "Make its answers safer",
            "Decline what is harmful, and go on helping with everything else.",
            (_SAFE_PAIRS, replace(_OWN_SFT, optional=True), _PREFER, _CHECK_SAFE, _EXPORT),
        ),
    )
}
COURSES: Mapping[str, Course] = {FIRST.key: FIRST, **GOALS}
