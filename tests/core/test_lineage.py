from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from studio.core.guide import Facts, RunFact
from studio.core.lineage import DataFacts, EvaluationFacts, RunFacts, family_of
from studio.core.methods import METHODS
from studio.core.pipeline import STATIONS, method_for, progress_of
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.core.runs import RunState

SFT = Recipe("/models/base", "d1", name="sft")
DATA = [DataFacts("d1", "examples", "9 examples"), DataFacts("d2", "pairs", "9 pairs", "my labels")]


def run(number, recipe, name=""):
    return RunFacts(f"run{number}", name or f"r{number}", "Finished", recipe)


def adapter(number):
    return f"/project/runs/run{number}/adapter"


def of(method, **more):
    return replace(SFT, method=method, settings=METHODS[method].settings(), **more)


def lecture():
    judge = of("reward", adapter=adapter(1), dataset="d2")
    ppo = of("ppo", adapter=adapter(1), dataset="gone", rewards=Rewards(model=adapter(2)))
    return [run(1, SFT), run(2, judge), run(3, ppo), run(4, of("dpo", adapter=adapter(1), dataset="d2"))]


def test_the_lectures_way_is_a_tree():
    family = family_of(lecture(), DATA)
    roles = {(edge.start, edge.end): edge.role for edge in family.edges}
    assert roles["model /models/base", "run run1"] == "base"
    assert roles["run run1", "run run2"] == "start"
    assert roles["run run2", "run run3"] == "reward"
    assert roles["labels my labels", "data d2"] == "labels"
    assert roles["data d2", "run run4"] == "data"
    titles = {node.key: node.title for node in family.nodes}
    assert titles["data gone"] == "a dataset that was deleted"


def test_what_was_evaluated_has_its_evaluation_beside_it():
    known = [EvaluationFacts(folder, folder, "Follows 9 %", "on some") for folder in (adapter(4), "/models/base", "/x")]
    family = family_of(lecture(), DATA, known)
    assert [edge.start for edge in family.edges if edge.role == "evaluation"] == ["run run4", "model /models/base"]
    shown = [(node.sort, node.title, node.detail) for node in family.nodes if node.kind == "evaluation"]
    assert shown == [("Evaluation", "Follows 9 %", "on some")] * 2


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.sampled_from(["sft", "dpo", "ppo"])), max_size=9),
    st.sets(st.integers(0, 8)),
)
def test_everything_has_a_place_of_its_own_and_arrows_go_to_the_right(made, judged):
    runs = []
    for number, (start, judge, method) in enumerate(made):
        rewards = Rewards(model=adapter(judge)) if method == "ppo" and judge < number else Rewards()
        runs.append(run(number, of(method, adapter=adapter(start) if start < number else "", rewards=rewards)))
    family = family_of(runs, DATA, [EvaluationFacts(str(number), adapter(number), "", "") for number in judged])
    column = {node.key: node.column for node in family.nodes}
    places = [(node.column, node.row) for node in family.nodes] + [place for edge in family.edges for place in edge.via]
    assert len(set(places)) == len(places)
    assert all(row >= 0 and place >= 0 for place, row in places)
    for edge in family.edges:
        assert column[edge.start] < column[edge.end]
        assert [at for at, _ in edge.via] == list(range(column[edge.start] + 1, column[edge.end]))


def facts(*methods, kinds=(), votes=0):
    runs = tuple(RunFact(str(number), method, RunState.FINISHED) for number, method in enumerate(methods))
    return Facts({str(number): kind for number, kind in enumerate(kinds)}, runs, 0, votes)


def test_the_next_step_is_the_first_that_is_missing():
    assert progress_of(facts()).next == "sft"
    assert progress_of(facts("sft")).next == "preferences"
    assert progress_of(facts("sft", kinds=("pairs",))).next == "reward"
    assert progress_of(facts("sft", "dpo", kinds=("pairs",))).next == "evaluate"  # DPO needs no reward model
    done = progress_of(facts("sft", "reward", "ppo", kinds=("pairs",), votes=3))
    assert done.next == ""
    assert len(done.done) == len(STATIONS)
    assert "Go round again" in done.sentence


def test_a_run_that_failed_is_no_step():
    failed = Facts({}, (RunFact("1", "sft", RunState.FAILED),))
    assert progress_of(failed).next == "sft"


def test_without_a_reward_model_aligning_begins_with_dpo():
    align = next(station for station in STATIONS if station.key == "align")
    assert method_for(align, facts("sft")) == "dpo"
    assert method_for(align, facts("sft", "reward")) == "ppo"
