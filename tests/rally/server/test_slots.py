"""The slots in which downloads are made: how many work at a time, and in which order they go on."""

import contextlib

from rally.server.slots import Slot, Slots
from tests.support.waiting import Background, wait_until


def waiting(slots, number):
    """Wait until this number of downloads wait for a slot."""
    wait_until(lambda: len(slots._line) == number, f"{number} wait for a slot")


def make(slots, name, pieces, made):
    """Make the pieces of a file; note each, by the name of the file."""
    with Slot(slots) as slot:
        for _ in range(pieces):
            made.append(name)
            slot.pass_on()


def test_downloads_are_made_in_turns_piece_by_piece():
    slots, made = Slots(1), []
    with Slot(slots):
        files = []
        for number, name in enumerate("abc", 1):
            files.append(Background(make, slots, name, 3, made))
            waiting(slots, number)
    for file in files:
        file.outcome()
    assert made == list("abcabcabc")


def test_as_many_work_as_there_are_slots():
    slots = Slots(2)
    with Slot(slots), Slot(slots):
        third = Background(make, slots, "c", 1, [])
        waiting(slots, 1)
        assert not third.is_done
    third.outcome()


def test_a_download_that_waits_for_its_client_lends_its_slot():
    slots, made = Slots(1), []
    with Slot(slots) as slot:
        with slot.lent():
            Background(make, slots, "b", 2, made).outcome()
        made.append("a")
    assert made == ["b", "b", "a"]


def test_an_error_frees_a_slot():
    slots, made = Slots(1), []
    with contextlib.suppress(OSError), Slot(slots) as slot, slot.lent():
        raise OSError
    Background(make, slots, "b", 1, made).outcome()
    assert made == ["b"]


def test_a_slot_that_is_not_passed_on_is_free_after_a_while():
    slots, made = Slots(1), []
    with Slot(slots) as stuck:
        Background(make, slots, "b", 2, made).outcome()
        stuck.pass_on()
        other = Background(make, slots, "c", 1, made)
        waiting(slots, 1)
        assert made == ["b", "b"]
    other.outcome()
