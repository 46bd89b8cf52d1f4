import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio.core.messages import Example, Message
from studio.core.records import Pair, Passage, Prompt, TaskRow
from studio.core.templates import BUILT_IN
from studio.gui.pages.data.preview_pane import PreviewPane
from studio.gui.pages.data.template_editor import _in_lines
from studio.storage.models import add_model
from studio.storage.templates import own_templates


def example(question, answer="an answer"):
    return Example((Message("user", question), Message("assistant", answer)))


@pytest.fixture
def pane(project, qtbot, preview_command):
    made = PreviewPane(project, command=preview_command)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    yield made
    made.close_down()


@pytest.fixture
def ready(pane, qtbot, model_folder):
    """The pane with a model and an example on screen."""
    pane.show_example(example("hello you"))
    with qtbot.waitSignal(pane.preview_shown):
        pane.model.choose(model_folder)
    return pane


def test_before_a_model_is_chosen_it_says_what_to_do(pane):
    pane.show_example(example("hello"))
    assert pane.empty.isVisible()
    assert pane.empty.title.text() == "Choose a base model to see the exact tokens"
    assert not pane.source.started


def test_it_begins_with_the_model_that_was_chosen_last_in_the_project(project, qtbot, preview_command, model_folder):
    add_model(project, model_folder)
    made = PreviewPane(project, command=preview_command)
    qtbot.addWidget(made)
    qtbot.waitUntil(lambda: made.model.model() is not None)
    assert made.model.model().folder == model_folder
    made.close_down()


def test_the_worker_says_what_is_trained(ready):
    assert "hello you" in ready.tokens.toPlainText()
    # <s>, three and a line end of the question, three and a line end of the answer
    assert ready.counts.text() == "9 tokens, 4 trained · template: alpaca"
    assert ready.legend.isVisible()
    assert not ready.warnings.isVisible()


def test_a_model_without_a_template_of_its_own_takes_alpaca(ready):
    assert ready.template.currentData() == "alpaca"
    assert ready.template.findData("model") == -1


def test_a_models_own_template_is_the_default(pane, qtbot, model_folder):
    (model_folder / "chat_template.jinja").write_text("{{ messages }}")
    pane.show_example(example("hello"))
    with qtbot.waitSignal(pane.preview_shown):
        pane.model.choose(model_folder)
    assert pane.template.currentData() == "model"
    assert pane.counts.text().endswith("template: model")


def test_a_cut_is_counted_and_warned_of(ready, qtbot):
    ready.length.setMinimum(3)
    with qtbot.waitSignal(ready.preview_shown):
        ready.length.setValue(3)
    assert ready.counts.text().startswith("3 tokens, 0 trained")
    assert ready.warnings.isVisible()
    assert ready.warnings.text() == "The end is cut off."


def test_rushing_through_rows_shows_the_last(ready, qtbot):
    for number in range(30):
        ready.show_example(example(f"row {number}"))
    qtbot.waitUntil(lambda: "row 29" in ready.tokens.toPlainText())
    assert ready.source._next < 10  # not one request for each


def test_what_the_worker_refuses_is_a_sentence(ready, qtbot):
    ready.show_example(example("fail"))
    qtbot.waitUntil(ready.notice.isVisible)
    assert ready.notice.what.text() == "It has no turns."
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("again"))
    assert not ready.notice.isVisible()


def test_a_worker_that_dies_is_a_sentence_and_comes_back(ready, qtbot):
    ready.show_example(example("crash"))
    qtbot.waitUntil(ready.notice.isVisible)
    assert "no words left" in ready.notice.what.text()
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("again"))
    assert "again" in ready.tokens.toPlainText()


def test_of_a_judged_answer_that_answer_is_what_counts(ready, qtbot):
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(Pair((Message("user", "which"),), "this one", "that one"))
    assert not ready.learned.train_on.isVisible()
    assert ready.source.settled["train_on"] == "last answer"
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("again"))
    assert ready.learned.train_on.isVisible()


def test_plain_text_has_no_template_and_a_task_row_no_tokens(ready, qtbot):
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(Passage("once upon a time"))
    assert "once upon a time" in ready.tokens.toPlainText()
    assert ready.counts.text().endswith("trained")
    assert ready.length.isVisible() and not ready.template.isVisible() and not ready.learned.isVisible()
    ready.show_example(TaskRow((("text", "good"), ("label", "1"))))
    assert ready.empty.isVisible() and not ready.choices.isVisible()
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("again"))
    assert ready.template.isVisible() and ready.learned.isVisible()


def test_a_prompt_is_no_example_without_an_answer(ready, qtbot):
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(Prompt((Message("user", "who waits"),)))
    assert ready.warnings.text().startswith("A prompt waits for an answer.")


def test_a_template_is_written_beside_its_tokens(ready, qtbot, project):
    ready.edit_template.click()
    editor = ready.editor
    assert editor.name.text() == "My Alpaca"
    assert editor.text.toPlainText().startswith("{{ bos_token }}{% if messages[0].role != 'system' %}\n")
    with qtbot.waitSignal(ready.preview_shown):
        editor.text.setPlainText("{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}")
    assert editor.counts.text().startswith("9 tokens, 4 trained.")
    editor.text.setPlainText("{% for m in messages %}\n{{ m.content }}\n{% endfo %}")
    qtbot.waitUntil(lambda: "line 3" in editor.error.text())
    assert [mark.cursor.blockNumber() for mark in editor.text.extraSelections()] == [2]
    with qtbot.waitSignal(ready.preview_shown):
        editor.text.setPlainText("{{ messages[0].content }}")
    assert not editor.error.isVisible() and not editor.text.extraSelections()
    editor.name.setText("Mine")
    with qtbot.waitSignal(editor.kept):
        editor.keep.click()
    assert ready.editor is None
    assert ready.template.currentText() == "Mine"
    assert [known.label for known in own_templates(project)] == ["Mine"]
    ready.edit_template.click()
    assert ready.editor.text.toPlainText() == "{{ messages[0].content }}"
    ready.editor.forget.click()
    assert own_templates(project) == [] and ready.template.findText("Mine") == -1


def test_a_template_that_can_not_be_kept_is_said(ready, qtbot, project):
    ready.edit_template.click()
    ready.editor.name.setText("ChatML")
    ready.editor.keep.click()
    assert "built-in" in ready.editor.error.text()
    ready.editor.close()
    assert ready.editor is None and own_templates(project) == []


def test_built_in_templates_in_lines_write_the_same():
    turns = [{"role": role, "content": f"{role} says\nmore "} for role in ("system", "user", "assistant", "user")]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    for template in BUILT_IN:
        texts = [
            environment.from_string(jinja).render(
                messages=turns, bos_token="<s>", eos_token="</s>", add_generation_prompt=True
            )
            for jinja in (template.jinja, _in_lines(template.jinja))
        ]
        assert texts[0] == texts[1]


def test_other_roles_are_learned_when_chosen(ready, qtbot):
    with qtbot.waitSignal(ready.preview_shown):
        ready.learned.roles["user"].trigger()
    assert ready.learned.button.text() == "and user"
    assert "and user" in ready.counts.text()


def test_a_worker_that_never_answers_is_ended(ready, qtbot):
    ready.source._patience.setInterval(50)
    ready.show_example(example("silence"))
    qtbot.waitUntil(lambda: "needs too long" in ready.notice.what.text())
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("hello again"))
