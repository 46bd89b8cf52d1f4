import pytest

from studio.core.messages import Example, Message
from studio.core.records import Pair
from studio.gui.pages.data.preview_pane import PreviewPane
from studio.storage.models import add_model


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
    assert pane._service is None


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
    assert ready._next < 10  # not one request for each


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
    assert not ready.train_on.isVisible()
    assert ready._settled["train_on"] == "last answer"
    with qtbot.waitSignal(ready.preview_shown):
        ready.show_example(example("again"))
    assert ready.train_on.isVisible()
