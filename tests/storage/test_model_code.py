import json

import pytest

from studio.core.errors import StudioError
from studio.storage.consent import allow
from studio.storage.model_code import NeedsConsent, own_code, runs_own_code

MAP = {"auto_map": {"AutoModelForCausalLM": "modeling.Own"}, "model_type": "own"}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "Eigenes 模型"
    (made / "parts").mkdir(parents=True)
    (made / "modeling.py").write_text("class Own: pass\n")
    (made / "parts" / "more.py").write_text("x = 1  # ü\n")
    return made


def test_consent_is_for_exactly_what_was_read(folder):
    code = own_code(folder, MAP)
    assert [name for name, _ in code.files] == ["modeling.py", "parts/more.py"] and "# ü" in code.files[1][1]
    with pytest.raises(NeedsConsent) as refused:
        runs_own_code(folder, MAP)
    allow(refused.value.code)
    assert runs_own_code(folder, MAP)
    for change in (
        lambda: (folder / "parts" / "more.py").write_text("x = 2\n"),
        lambda: (folder / "new.py").write_text(""),
        lambda: (folder / "new.py").rename(folder / "newer.py"),
        lambda: (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": "new.T"}})),
    ):
        change()
        with pytest.raises(NeedsConsent):
            runs_own_code(folder, MAP)
        allow(own_code(folder, MAP))
        assert runs_own_code(folder, MAP)
    with pytest.raises(NeedsConsent):
        runs_own_code(folder, {**MAP, "auto_map": {"AutoModelForCausalLM": "newer.Other"}})


def test_a_moved_model_needs_no_new_consent(folder, tmp_path):
    allow(own_code(folder, MAP))
    moved = folder.rename(tmp_path / "moved")
    assert runs_own_code(moved, MAP)


def test_what_the_program_knows_runs_no_code(folder):
    assert own_code(folder, {**MAP, "model_type": "llama"}) is None
    assert own_code(folder, {"model_type": "own"}) is None


@pytest.mark.parametrize(
    ("config", "change", "words"),
    [
        ({"auto_map": {"AutoModel": "o/n--modeling.Own"}}, None, "load code from the Hub"),
        (MAP, lambda f: [file.unlink() for file in f.rglob("*.py")], "the code isn't there"),
        (MAP, lambda f: (f / "modeling.py").write_text("#" * (1 << 20) + "\n"), "too long to be read"),
    ],
)
def test_what_cannot_be_read_first_is_refused(folder, config, change, words):
    if change:
        change(folder)
    with pytest.raises(StudioError, match=words):
        own_code(folder, config)
