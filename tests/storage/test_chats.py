"""Conversations: kept, listed, searched, renamed, deleted, exported, sent to Data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.core.chat_sessions import ChatSession, PaneState
from studio.core.conversation import Voice
from studio.core.dialogue import Dialogue
from studio.core.errors import StudioError
from studio.storage.chats import (
    EXAMPLES,
    delete_chats,
    delete_preset,
    export_chats,
    keep_chat,
    list_chats,
    list_presets,
    load_chat,
    rename_chat,
    save_preset,
    send_to_data,
)
from studio.storage.datasets import list_datasets, records_of
from studio.storage.interchange import import_file


def session(prompt="Hello <b>", answer="Hi **there** 😀", panes=2):
    made = []
    for number in range(panes):
        dialogue = Dialogue()
        turn = dialogue.say(prompt)
        turn.answer, turn.model, turn.ended = f"{answer} {number}", f"model {number}", "end of turn"
        voice = Voice(Path("/base"), Path(f"/adapter{number}") if number else None)
        made.append(PaneState(voice, dialogue, f"model {number}", {"temperature": 0.5}, "Be brief."))
    return ChatSession(made)


def test_what_was_kept_is_read_the_same(project):
    kept = session()
    kept.identity = keep_chat(project, kept)
    again = load_chat(project, kept.identity)
    assert again.to_json() == kept.to_json()
    assert again.panes[1].voice == kept.panes[1].voice
    kept.panes[0].dialogue.say("more")
    assert keep_chat(project, kept) == kept.identity
    assert len(list_chats(project)) == 1


def test_search_finds_words_in_any_case_and_order(project):
    keep_chat(project, session("Where is ÅLAND?"))
    keep_chat(project, session("Something else, 100 % of it"))
    assert [entry.heading for entry in list_chats(project, "åland WHERE")] == ["Where is ÅLAND?"]
    assert len(list_chats(project, "there")) == 2
    assert len(list_chats(project, "%")) == 1
    assert list_chats(project, "nowhere") == []


def test_a_title_stays_when_the_conversation_goes_on(project):
    kept = session()
    kept.identity = keep_chat(project, kept)
    rename_chat(project, kept.identity, " Greetings ")
    keep_chat(project, kept)  # by a page that doesn't know of the title
    assert [entry.heading for entry in list_chats(project)] == ["Greetings"]
    rename_chat(project, kept.identity, "")
    assert [entry.heading for entry in list_chats(project)] == ["Hello <b>"]
    delete_chats(project, [kept.identity])
    with pytest.raises(StudioError, match="gone"):
        load_chat(project, kept.identity)


def test_a_damaged_conversation_is_a_sentence(project):
    number = keep_chat(project, session())
    with project.writing() as connection:
        connection.execute("UPDATE chats SET content = ?", ('{"panes": [{}]}',))
    with pytest.raises(StudioError, match="can't be read"):
        load_chat(project, number)


def test_exports(project, tmp_path):
    number = keep_chat(project, session())
    export_chats(project, [number], tmp_path / "talk.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["model"] for line in lines] == ["model 0", "model 1"]
    assert [turn["role"] for turn in lines[0]["messages"]] == ["system", "user", "assistant"]
    assert import_file(project, tmp_path / "talk.jsonl").rows == 2  # as it came out it goes in
    export_chats(project, [number], tmp_path / "talk.md")
    text = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert text.startswith("# Hello <b>\n\n## model 0\n\n**System**\n\nBe brief.\n")
    with pytest.raises(StudioError):
        export_chats(project, [number], tmp_path / "talk.md" / "below a file.md")


def test_examples_go_to_data_one_after_the_other(project):
    kept = session()
    send_to_data(project, kept, [0])
    info = send_to_data(project, kept, [0, 1])
    assert (info.name, info.rows) == (EXAMPLES, 3)
    assert [one.name for one in list_datasets(project)] == [EXAMPLES]
    last = list(records_of(project, info))[-1]
    assert last.answer == "Hi **there** 😀 1"
    with pytest.raises(StudioError, match="no answer"):
        send_to_data(project, ChatSession([PaneState(None, Dialogue())]), [0])


def test_presets(project):
    save_preset(project, "wild", {"temperature": 1.5})
    save_preset(project, "wild", {"temperature": 2.0})
    save_preset(project, "calm", {"temperature": 0.1})
    assert dict(list_presets(project)) == {"calm": {"temperature": 0.1}, "wild": {"temperature": 2.0}}
    delete_preset(project, "wild")
    assert list(list_presets(project)) == ["calm"]
