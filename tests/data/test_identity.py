"""Which paths tell whom a film shows, and the numbers that stand in their place."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.core.errors import InputError
from radrobust.data.identity import Person, is_nobody, telling
from radrobust.data.pseudonyms import FILE, give_numbers, keep_numbers

ANNA = Person(("0234567",), "Müller-Lü^Anna^M.^Dr", "19310213")


def tells(path: str, person: Person) -> bool:
    return bool(telling({path: person}))


# --- Paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "fracture/0234567/1.dcm",
        "fracture/234567.dcm",
        "fracture/x0234567y.dcm",
        "fracture/02-34-567.dcm",
        "fracture/MUELLER.dcm",
        "fracture/Mu\u0308ller_1.dcm",
        "fracture/muller/1.dcm",
        "fracture/annaknee.dcm",
        "fracture/a.lü.dcm",
        "fracture/19310213/1.dcm",
        "fracture/1931-02-13.dcm",
        "fracture/knee 13.02.1931.dcm",
        "fracture/13_2_1931.dcm",
        "fracture/13021931x.dcm",
        "fracture/02131931.dcm",
        "fracture/130231.dcm",
    ],
)
def test_a_path_that_holds_identifier_name_or_birth_date_tells(path: str) -> None:
    assert tells(path, ANNA)


@pytest.mark.parametrize(
    "path",
    ["fracture/1.dcm", "fracture/m/1931/02/x13.dcm", "fracture/dress.dcm", "fracture/lunge.dcm"],
)
def test_a_path_that_holds_nothing_of_these_does_not(path: str) -> None:
    assert not tells(path, ANNA)


@pytest.mark.parametrize(
    ("path", "identifier", "expected"),
    [
        ("normal/1.dcm", "1", True),
        ("normal/0001.dcm", "1", True),
        ("normal/2019/img1.dcm", "1", False),
        ("normal/11.dcm", "1", False),
        ("normal/img123.dcm", "123", True),
        ("normal/7654321.dcm", "HOSPITAL^7654321", True),
        ("normal/4711.dcm", "HOSPITAL-4711", False),
        ("normal/hospital_4711.dcm", "HOSPITAL-4711", True),
    ],
)
def test_a_short_identifier_has_to_stand_alone(path: str, identifier: str, expected: bool) -> None:
    assert tells(path, Person((identifier,))) == expected


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("normal/山田_1.dcm", "Yamada^Tarou=山田^太郎"),
        ("normal/x王.dcm", "王^小明"),
        ("normal/김민수.dcm", "김^민수"),
        ("normal/Иванов.dcm", "Иванов^П"),
        ("normal/Ågård.dcm", "AAGÅRD^ÅGÅRD"),
        ("normal/Lodz-sorensen.dcm", "Sørensen^Łódź"),
        ("normal/Lee_1.dcm", "Lee^Bo"),
        ("normal/bo/1.dcm", "Lee^Bo"),
    ],
)
def test_names_are_found_in_any_alphabet(path: str, name: str) -> None:
    assert tells(path, Person(name=name))
    assert not tells("normal/bone_0001.dcm", Person(name=name))


def test_the_same_words_beside_films_of_others_tell_nothing() -> None:
    other = Person(("7654321",), "Hand^Peter", "20200101")
    paths = {"normal/hand/anna.dcm": other, "normal/peter/0234567.dcm": ANNA, "normal/peter": ANNA}
    assert telling(paths) == {"normal/hand/anna.dcm", "normal/peter/0234567.dcm"}


def test_the_folder_of_a_class_tells_nothing() -> None:
    norma = Person(("7654321",), "Norma^Fracht")
    assert not telling({"normal/1.dcm": norma, "normal/2.png": Person(), "fracht/3.dcm": norma})
    assert tells("normal/norma.dcm", norma)


def test_a_film_without_an_identifier_is_held_against_those_that_have_one() -> None:
    films = {
        "normal/a.dcm": ANNA,
        "normal/0234567.dcm": Person((), "", "19000101"),
        "normal/0234567/damaged.dcm": Person(),
        "normal/mueller.png": Person(),
        "normal/anna.png": Person(),
        "normal/19310213.png": Person(),
        "normal/b.png": Person(),
    }
    assert telling(films) == {
        *("normal/0234567.dcm", "normal/0234567/damaged.dcm"),
        *("normal/mueller.png", "normal/19310213.png"),
    }


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=9), st.text(max_size=20))
def test_any_header_and_any_path_can_be_asked(
    identifier: str, name: str, born: str, path: str
) -> None:
    person = Person((identifier,), name, born)
    telling({path: person, f"a/{path}": person, "b": Person()})
    for word in person.words():
        assert tells(f"normal/{word}/1.dcm", person)


def test_what_stands_for_nobody() -> None:
    assert all(map(is_nobody, ("", "000", "Anonymous", "N/A")))
    assert not is_nobody("0001") and "anonymous" not in Person(name="ANONYMOUS^^").words()


# --- Numbers ------------------------------------------------------------------------------------

Names = st.sets(st.text(min_size=1, max_size=8), max_size=8)


@given(Names, Names)
def test_numbers_run_from_one_and_stay(
    tmp_path_factory: pytest.TempPathFactory, some: set[str], more: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("films")
    first = give_numbers(folder, some, more)
    assert sorted(first.patients) == list(range(1, len(some) + 1))
    assert set(first.patients.values()) == some and set(first.films.values()) == more
    assert not first.patients or give_numbers(folder, some, more) == first
    second = give_numbers(folder, some | more, set())
    assert second.patients.items() >= first.patients.items() and second.films == {}
    assert sorted(second.patients) == list(range(1, len(some | more) + 1))
    assert (folder / FILE).exists() == bool(some | more)
    assert not set(give_numbers(folder, more, set()).patients.values()) - more


def test_the_order_hangs_on_the_key_alone(tmp_path: Path) -> None:
    patients = {str(number) for number in range(1_000_000, 1_000_040)}
    orders = []
    for name in ("one", "same", "other"):
        (tmp_path / name).mkdir()
        if name == "same":
            key = json.loads((tmp_path / "one" / FILE).read_text())["key"]
            (tmp_path / name / FILE).write_text(json.dumps({"key": key}))
        given = give_numbers(tmp_path / name, patients, set())
        orders.append([given.patients[number] for number in sorted(given.patients)])
    one, same, other = orders
    assert one == same != other and one != sorted(one)


def test_nobody_else_may_read_the_numbers(tmp_path: Path) -> None:
    give_numbers(tmp_path, {"a"}, set())
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_numbers_are_taken_over_unless_there_are_some(tmp_path: Path) -> None:
    former, folder, own = (tmp_path / name for name in ("former", "folder", "own"))
    for place in (former, folder, own):
        place.mkdir()
    before = give_numbers(former, {"a", "b", "c"}, {"p"})
    of_its_own = give_numbers(own, {"a"}, set())
    keep_numbers(former, folder)
    keep_numbers(former, own)
    keep_numbers(tmp_path / "nowhere", former)
    assert give_numbers(folder, {"a", "b", "c"}, {"p"}) == before
    assert give_numbers(own, {"a"}, set()) == of_its_own
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"{}x", b"[]", b"\xff", b'{"key": "short"}', b'{"key": 1}', b'{"anna": 1}',
     b'{"key": "%s", "patients": {"anna": "1"}}' % (b"0" * 64)],
)  # fmt: skip
def test_broken_numbers_are_told_of_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / "new").mkdir()
    for attempt in (
        lambda: give_numbers(tmp_path, {"anna"}, set()),
        lambda: keep_numbers(tmp_path, tmp_path / "new"),
    ):
        with pytest.raises(InputError, match=r"numbers\.json is not as it was written") as caught:
            attempt()
        assert "\n" not in str(caught.value) and "anna" not in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == content and not list((tmp_path / "new").iterdir())


def test_a_folder_that_cannot_be_written_to_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot be written: .*; it keeps the numbers"):
        give_numbers(tmp_path / "folder", {"anna"}, set())
