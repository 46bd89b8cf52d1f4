import math
import struct

import pytest

from studio.core.errors import StudioError
from studio.core.events import Event
from studio.core.recipes import Recipe
from studio.storage.runs import EventWriter, RunFolder
from studio.storage.tensorboard import FILE, FOLDER, TensorboardWriter, crc32c, write_tensorboard


@pytest.fixture
def run(tmp_path):
    made = RunFolder.create(tmp_path, Recipe("/base", "data", name="first"))
    writer = EventWriter(made.events)
    for step in (1, 2, 300):
        writer.write(Event("step", 100.0 + step, {"step": step, "loss": 1.0 / step, "lr": "nan"}))
    writer.write(Event("evaluation", 500.0, {"step": 300, "eval_loss": 0.25}))
    writer.close()
    return made


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def fields(data):
    """A protocol buffer as (field, value) pairs."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        match key & 7:
            case 0:
                value, at = read_varint(data, at)
            case 1:
                value, at = struct.unpack("<d", data[at : at + 8])[0], at + 8
            case 5:
                value, at = struct.unpack("<f", data[at : at + 4])[0], at + 4
            case _:
                size, at = read_varint(data, at)
                value, at = data[at : at + size], at + size
        yield key >> 3, value


def unmasked(value):
    turned = (value - 0xA282EAD8) & 0xFFFFFFFF
    return (turned >> 17 | turned << 15) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        (size,) = struct.unpack("<Q", data[at : at + 8])
        body = data[at + 12 : at + 12 + size]
        assert unmasked(struct.unpack("<I", data[at + 8 : at + 12])[0]) == crc32c(data[at : at + 8])
        assert unmasked(struct.unpack("<I", data[at + 12 + size : at + 16 + size])[0]) == crc32c(body)
        yield dict(fields(body))
        at += 16 + size


def test_the_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283  # the check value of its catalogue entry
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_every_value_is_written_with_its_step(run):
    folder = write_tensorboard(run)
    (file,) = folder.iterdir()
    assert "tfevents" in file.name
    first, *scalars = records(file.read_bytes())
    assert first[3] == b"brain.Event:2"
    found = {}
    for event in scalars:
        summary = dict(fields(dict(fields(event[5]))[1]))
        found[summary[1].decode(), event[2]] = summary[2]
    assert found["loss", 300] == pytest.approx(1 / 300)
    assert math.isnan(found["lr", 1])
    assert found["eval_loss", 300] == 0.25
    assert len(found) == 7


def test_what_comes_is_added_to_what_was_said_before(run):
    writer = TensorboardWriter(run)
    writer.write(Event("phase", 1.0, {"phase": "training"}))
    writer.write(Event("step", 600.0, {"step": 301, "loss": 0.5, "epoch": 2.0}))
    writer.close()
    *_, last = records((run.folder / FOLDER / FILE).read_bytes())
    assert (last[1], last[2]) == (600.0, 301)
    assert len(list(records((run.folder / FOLDER / FILE).read_bytes()))) == 1 + 7 + 1


def test_writing_again_replaces_and_a_taken_place_is_said(run):
    write_tensorboard(run)
    assert len(list(write_tensorboard(run).iterdir())) == 1
    other = RunFolder.create(run.folder.parent, Recipe("/base", "data"))
    (other.folder / "tensorboard").write_text("")
    with pytest.raises(StudioError, match="tensorboard"):
        write_tensorboard(other)
