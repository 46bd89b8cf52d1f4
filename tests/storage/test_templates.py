"""Prompt templates of one's own are kept, replaced, found from the command line and forgotten."""

from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.core.templates import BUILT_IN, template_named
from studio.storage.project import Project
from studio.storage.templates import delete_template, keep_template, offered_templates, own_templates, template_from


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "p")
    made.close()
    return made


def test_templates_are_kept_by_name(project: Project) -> None:
    keep_template(project, " mine ", "{{ messages[0].content }}")
    kept = keep_template(project, "mine", "{{ messages[1].content }}")
    assert own_templates(project) == [kept]
    assert offered_templates(project)[: len(BUILT_IN)] == list(BUILT_IN)
    assert template_from(project, "mine") == kept.name
    assert template_named(kept.name).label == "mine"
    delete_template(project, "mine")
    assert own_templates(project) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("", "{{ x }}", "needs a name"), ("Alpaca", "{{ x }}", "built-in"), ("mine", "words", "writes nothing")],
)
def test_what_can_not_be_kept_is_said(project: Project, name: str, text: str, said: str) -> None:
    with pytest.raises(StudioError, match=said):
        keep_template(project, name, text)
    assert own_templates(project) == []


def test_a_file_is_a_template_too(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "odd one.jinja"
    file.write_text("{{ messages }}", encoding="utf-8")
    assert template_named(template_from(project, str(file))).label == "odd one"
    assert template_from(project, "chatml") == "chatml"
    with pytest.raises(StudioError, match="no file"):
        template_from(project, str(tmp_path / "none.jinja"))
