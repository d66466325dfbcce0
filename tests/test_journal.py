"""Journals: entries survive a kill, and runs of other conditions do not mix."""

import pytest
from pydantic import BaseModel

from alphanet.errors import UserError
from alphanet.journal import Journal


class Header(BaseModel):
    model: str
    sizes: tuple[int, ...] = (1, 2)
    begun: str = "today"


class Entry(BaseModel):
    value: float


@pytest.fixture
def path(tmp_path):
    journal = Journal(tmp_path / "folder" / "journal.jsonl", Header(model="a"), Entry)
    for value in (1.0, 2.0):
        journal.add(Entry(value=value))
    return journal.path


def values(path, restart=False, **header):
    return [entry.value for entry in Journal(path, Header(**{"model": "a"} | header), Entry, restart=restart).entries]


def test_entries_are_read_again_and_added_to(path):
    journal = Journal(path, Header(model="a", begun="tomorrow"), Entry)
    assert journal.header.begun == "today"  # of the first run
    journal.add(Entry(value=3.0))
    assert values(path) == [1.0, 2.0, 3.0]


def test_other_conditions_are_named(path):
    with pytest.raises(UserError, match=r"measured with other model, sizes \(model a then, b now\), .* restart"):
        values(path, model="b", sizes=(3,))
    assert values(path, model="b", restart=True) == []


def test_a_line_that_a_kill_cut_off_is_dropped(path, caplog):
    path.write_text(path.read_text() + '{"value": 3')
    assert values(path) == [1.0, 2.0] and "cut off" in caplog.text
    Journal(path, Header(model="a"), Entry).add(Entry(value=4.0))
    assert values(path) == [1.0, 2.0, 4.0]


def test_a_damaged_line_is_named(path):
    path.write_text(path.read_text() + "rubbish\n")
    with pytest.raises(UserError, match=r"cannot be read \(line 4"):
        values(path)


def test_entries_of_one_call_are_on_disk_together(path):
    Journal(path, Header(model="a"), Entry).extend([Entry(value=3.0), Entry(value=4.0)])
    assert values(path) == [1.0, 2.0, 3.0, 4.0]


def test_a_full_disk_is_one_line_and_keeps_what_is_there(path, monkeypatch):
    before = path.read_bytes()
    journal = Journal(path, Header(model="a"), Entry)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device"):
        journal.add(Entry(value=3.0))
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("text", ["", "{", "[]\n", '{"model": "a", "sizes": [1, 2]}\n{"valu": 1}\n', "\udcff"])
def test_a_damaged_file_is_one_line(path, text):
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"cannot be read .*, or restart"):
        values(path)
