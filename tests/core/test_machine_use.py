from studio.core.events import Event
from studio.core.machine_use import MachineUse


def test_a_long_run_keeps_its_whole_course_in_few_moments():
    use = MachineUse()
    for second in range(10_000):
        use.feed(Event("machine", float(second), {"cpu": second / 100, "power": "nan", "gpu": None}))
    points = use.of("cpu")
    assert 200 < len(points) <= 600
    assert points[0] == (0.0, 0.0)
    assert points[-1][0] > 9_900
    assert [time for time, _ in points] == sorted(time for time, _ in points)
    assert use.of("power") == use.of("gpu") == []


def test_what_is_no_figure_of_the_machine_is_passed_over():
    use = MachineUse()
    use.feed(Event("machine", 1.0, {}))
    use.feed(Event("step", 1.0, {"cpu": 3.0}))
    assert not use.moments
