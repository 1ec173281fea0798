"""Resource names as file names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrainctl.targets.snapshot.names import decode, encode


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("RetrainSamplePre.2016.8.17.0.3.51.237", "RetrainSamplePre.2016.8.17.0.3.51.237"),
        ("with blank (1)", "with%20blank%20(1)"),
        ("a/b\\c:d", "a%2Fb%5Cc%3Ad"),
        ("Größe", "Gr%C3%B6%C3%9Fe"),
        ("100%", "100%25"),
        (".hidden", "%2Ehidden"),
        ("ends.", "ends%2E"),
        ("..", "%2E%2E"),
        ("CON", "%43ON"),
        ("nul.txt", "%6Eul.txt"),
        ("console", "console"),
        ("~tilde", "%7Etilde"),
    ],
)
def test_odd_names_are_written_so_that_every_system_takes_them(name, file):
    assert encode(name) == file
    assert decode(file) == name


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_names_come_back_and_stay_inside_their_folder(name):
    file = encode(name)

    assert not set(file) & set('/\\:*?"<>| \0') and not file.startswith(".") and not file.endswith((".", " "))
    assert decode(file) in (name, None)
    assert (decode(file) is None) is (len(file) > 120 and "~" in file)


def test_a_very_long_name_is_cut_and_still_its_own():
    one, other = "é" * 200 + "1", "é" * 200 + "2"

    assert len(encode(one)) <= 137
    assert encode(one) != encode(other)
    assert decode(encode(one)) is None
    assert not encode(one).split("~")[0].endswith("%")


def test_plain_names_of_files_made_by_hand_are_taken_as_they_are():
    assert decode("My service 50") == "My service 50"
