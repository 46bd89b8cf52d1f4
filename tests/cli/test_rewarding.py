import argparse

import pytest

from studio.cli.reward_figures import evaluation_line, step_figures
from studio.cli.rewarding import add_rewards, ask_consent, rewards_given, with_rewards
from studio.core.errors import StudioError
from studio.core.events import Event
from studio.core.rewards import Rewards
from studio.core.rules import Rule
from studio.storage.consent import is_allowed, read_code


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_rewards(parser)
    return parser.parse_args(words)


@pytest.fixture
def code(tmp_path):
    file = tmp_path / "my reward ü.py"
    file.write_text("def score(prompt, answer):\n    return len(answer)\n", encoding="utf-8")
    return file


def test_flags_override_the_recipes_rewards(tmp_path):
    before = Rewards("/old", rules=(Rule("ends"),))
    given = parsed("--rule", "2*length=5..40", "--rule", "json", "--judge-rule", "ends", "--reward-weight", "0.5")
    assert rewards_given(given)
    found = with_rewards(given, before, tmp_path)
    assert found.model == "/old"
    assert found.model_weight == 0.5
    assert [rule.told for rule in found.rules] == ["2*length=5..40", "json"]
    assert [rule.told for rule in found.judge_rules] == ["ends"]
    assert not rewards_given(parsed("--allow-code", "abc"))
    assert with_rewards(parsed(), before, tmp_path) == before


def test_a_reward_model_is_named_by_its_run_or_its_folder(tmp_path):
    (tmp_path / "20260101-reward").mkdir()
    (tmp_path / "20260101-reward" / "recipe.json").write_text("{}")
    found = with_rewards(parsed("--reward-model", "20260101-reward", "--judge", "/elsewhere"), Rewards(), tmp_path)
    assert found.model == str(tmp_path / "20260101-reward" / "adapter")
    assert found.judge == "/elsewhere"


def test_code_runs_only_with_the_hash_that_it_has_now(code, tmp_path):
    rewards = with_rewards(parsed("--reward-code", str(code), "--code-weight", "3"), Rewards(), tmp_path)
    assert rewards.function.weight == 3
    sha256 = read_code(code)[0].sha256
    with pytest.raises(StudioError) as refused:
        ask_consent(parsed(), rewards)
    assert "with your rights" in refused.value.what
    assert sha256[:12] in refused.value.hint
    for wrong in ("0" * 12, sha256[:11], ""):
        with pytest.raises(StudioError, match="another hash"):
            ask_consent(parsed("--allow-code", wrong), rewards)
    assert not is_allowed(sha256)
    ask_consent(parsed("--allow-code", sha256[:12]), rewards)
    assert is_allowed(sha256)
    ask_consent(parsed(), rewards)  # remembered
    code.write_text("def score(prompt, answer):\n    return 1\n")
    with pytest.raises(StudioError, match="has changed"):
        ask_consent(parsed("--allow-code", sha256), rewards)
    assert not is_allowed(read_code(code)[0].sha256)


@pytest.mark.parametrize("text", ["def score(", "x = '\0'"])
def test_what_is_not_python_is_refused_before_it_is_agreed_to(code, text):
    code.write_text(text)
    with pytest.raises(StudioError, match="not Python"):
        read_code(code)


def test_code_in_another_encoding_is_a_sentence(code):
    code.write_bytes(b"# \xff\xfe")
    with pytest.raises(StudioError, match="can't be read"):
        read_code(code)
    code.unlink()
    with pytest.raises(StudioError, match="can't be read"):
        read_code(code)


def test_the_figures_of_a_step_and_of_an_evaluation():
    step = {"step": 3, "loss": 0.1, "score": 0.512, "score_sd": 0.25, "kl": 2.0, "entropy": 3.1, "value_loss": 0.2}
    assert step_figures(Event("step", 0.0, step)) == {
        "score": "0.512±0.25",
        "KL": "2",
        "entropy": "3.1",
        "value loss": "0.2",
    }
    assert step_figures(Event("step", 0.0, {"step": 3, "loss": 0.1})) == {}
    measured = {"step": 20, "eval_score": 0.5, "eval_score_error": 0.031, "eval_kl": 1.5, "eval_judge": 0.25}
    line = evaluation_line(Event("evaluation", 0.0, {**measured, "eval_ended": 0.9, "best": True}))
    assert line == "Step 20: held-out score 0.5 ± 0.031, judge 0.25, KL 1.5, 90% ended (the best so far)"
    assert evaluation_line(Event("evaluation", 0.0, {"step": 20, "eval_loss": 1.0})) == ""
