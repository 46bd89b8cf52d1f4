"""What a labeller says survives its JSON; items are made as the plan asks; sides are shuffled fairly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.errors import StudioError
from studio.core.labelling import LabelPlan, Mark, Status, Verdict, shown_order

CALM = settings(max_examples=60, deadline=None)

verdicts = st.builds(
    Verdict, st.lists(st.integers(1, 9), max_size=9).map(tuple), st.none() | st.integers(0, 10), st.booleans()
)
marks = st.builds(
    Mark,
    verdicts=st.dictionaries(st.text(max_size=5), verdicts, max_size=3),
    skipped=st.booleans(),
    flagged=st.booleans(),
    comment=st.text(max_size=20),
    tags=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    edited=st.text(max_size=20),
    shown=st.permutations(range(3)).map(tuple),
    seconds=st.floats(0, 1e4).map(lambda value: round(value, 3)),
    suggested=st.text(max_size=5),
)


@CALM
@given(marks)
def test_a_mark_survives_its_json(mark):
    assert Mark.from_json(mark.to_json()) == mark


def test_a_plan_survives_its_json_and_refuses_nonsense():
    plan = LabelPlan(way="listwise", criteria="helpful, honest", guidelines="Be\nfair, “please”.", repeats=0.2)
    assert LabelPlan.from_json(plan.to_json()) == plan
    with pytest.raises(StudioError, match="How to judge"):
        LabelPlan(way="dance").check()


@pytest.mark.parametrize(
    ("plan", "count", "items"),
    [
        (LabelPlan(), 2, 1),
        (LabelPlan(), 4, 6),
        (LabelPlan(pairing="chain"), 4, 3),
        (LabelPlan(way="listwise"), 4, 1),
        (LabelPlan(way="pointwise"), 4, 4),
        (LabelPlan(), 1, 0),
        (LabelPlan(way="listwise"), 1, 0),
        (LabelPlan(way="pointwise"), 1, 1),
    ],
)
def test_candidates_make_items_as_the_plan_asks(plan, count, items):
    groups = plan.groups(range(count))
    assert len(groups) == len(set(groups)) == items


def test_an_item_is_done_when_each_criterion_is_judged():
    plan = LabelPlan(criteria="helpful,harmless")
    mark = Mark()
    assert mark.next_criterion(plan) == "helpful"
    mark = mark.judged("helpful", Verdict.better(0))
    assert mark.status(plan) is Status.TODO
    assert mark.next_criterion(plan) == "harmless"
    mark = mark.judged("harmless", Verdict.tie())
    assert mark.status(plan) is Status.DONE
    assert Mark(skipped=True).status(plan) is Status.SKIPPED
    assert Mark(skipped=True).judged("helpful", Verdict.tie()).skipped is False


def test_sides_are_shuffled_fairly_and_the_same_way_each_time():
    firsts = [shown_order(1, item, "Ada", 2)[0] for item in range(2000)]
    assert 900 < sum(firsts) < 1100
    assert firsts == [shown_order(1, item, "Ada", 2)[0] for item in range(2000)]
    assert firsts != [shown_order(1, item, "Bo", 2)[0] for item in range(2000)]
