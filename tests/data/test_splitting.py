from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.core.errors import InputError
from radrobust.data.splitting import SPLITS, group, read_splits, split

NO_PAIRS = pd.DataFrame({"one": [], "other": []}, dtype=str)


def films(absent: int, present: int) -> pd.DataFrame:
    labels = [0] * absent + [1] * present
    names = [f"film-{n:04d}" for n in range(len(labels))]
    return pd.DataFrame({"sample_id": names, "group": names, "label": labels, "patient": ""})


def draw(table: pd.DataFrame, seed: int = 3) -> pd.Series[str]:
    return split(table, 0.2, 0.3, seed, {})


# --- Where films fall ------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
def test_each_class_is_divided_in_the_same_shares_up_to_chance(seed: int) -> None:
    table = films(3000, 1000)
    splits = split(table, 0.15, 0.25, seed, {})
    for label, n in enumerate((3000, 1000)):
        counts = splits[table["label"] == label].value_counts()
        for name, share in (("val", 0.15), ("test", 0.25)):
            # Six standard deviations of a binomial share: one seed in a thousand million fails.
            assert abs(counts[name] - share * n) < 6 * np.sqrt(n * share * (1 - share))


@given(st.integers(0, 100), st.integers(120, 400), st.integers(0, 100))
def test_films_that_are_added_move_none(seed: int, count: int, choice: int) -> None:
    table = films(200, 200)
    some = table.sample(count, random_state=choice)
    pd.testing.assert_series_equal(draw(some, seed), draw(table, seed)[some.index])


Patients = st.lists(st.integers(0, 90), min_size=12, max_size=12)


@given(st.integers(0, 100), Patients, st.sampled_from(["film-2", "added-"]))
def test_films_that_are_added_to_patients_move_at_most_these(
    seed: int, joined: list[int], prefix: str
) -> None:
    old = films(150, 150)
    old["patient"] = [str(number % 80) for number in range(300)]
    names = [f"{prefix}{number:03d}" for number in range(12)]
    new = pd.DataFrame({"sample_id": names, "label": 0, "patient": list(map(str, joined))})
    table = pd.concat([old, new], ignore_index=True)
    before = draw(old.assign(group=group(old, NO_PAIRS)), seed)
    after = draw(table.assign(group=group(table, NO_PAIRS)), seed)
    # A group has the name of its first film in the alphabet, and falls where that name does.
    moved = old["patient"].isin(new["patient"]) & (prefix < "film-0000")
    pd.testing.assert_series_equal(after[:300][~moved], before[~moved])


def test_another_seed_is_another_split() -> None:
    table = films(50, 50)
    assert not draw(table, 1).equals(draw(table, 2))


@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=60), st.integers(0, 50))
def test_no_group_crosses_splits(pairs: list[tuple[int, int]], seed: int) -> None:
    table = films(40, 40)
    names = table["sample_id"]
    linked = pd.DataFrame([(names[a], names[b]) for a, b in pairs], columns=["one", "other"])
    table["group"] = group(table, linked.astype(str))
    table["patient"] = ""
    try:
        splits = draw(table, seed)
    except InputError:  # so many are linked that a split is left without a class
        return
    assert splits.groupby(table["group"]).nunique().max() == 1
    for one, other in pairs:
        assert splits[one] == splits[other]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (films(40, 0), "of 0 films with label 1 none is in train; raise its share"),
        (films(0, 40), "with label 0"),
        (films(40, 2), "of 2 films with label 1 none is in (val|test)"),
        (films(40, 40).assign(group="same"), "of 40 films with label 0"),
    ],
)
def test_too_few_films_are_told_of(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(table, 0)


# --- Which films stay together ----------------------------------------------------------------


def test_copies_of_copies_and_films_of_a_patient_are_one_group() -> None:
    table = films(6, 0)
    table["patient"] = ["", "p", "", "p", "q", ""]
    pairs = pd.DataFrame({"one": ["film-0005", "film-0003"], "other": ["film-0003", "film-0002"]})
    assert group(table, pairs).tolist() == [
        "film-0000",
        *["film-0001"] * 3,  # 1 and 3 by patient, 2 and 5 by way of 3
        "film-0004",
        "film-0001",
    ]


@given(st.permutations(range(12)), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_groups_do_not_depend_on_the_order(order: list[int], pairs: list[tuple[int, int]]) -> None:
    table = films(12, 0)
    names = table["sample_id"]
    linked = pd.DataFrame([(names[a], names[b]) for a, b in pairs], columns=["one", "other"])
    found = group(table, linked.astype(str))
    again = group(table.loc[order], linked.astype(str).iloc[::-1])
    pd.testing.assert_series_equal(again.sort_index(), found)


def test_films_without_links_are_groups_of_their_own() -> None:
    table = films(3, 2)
    assert group(table, NO_PAIRS).tolist() == table["sample_id"].tolist()


# --- Splits that somebody else decided ------------------------------------------------------------


def test_what_is_fixed_is_kept_and_the_rest_is_drawn() -> None:
    table = films(60, 60)
    fixed = {"film-0000": "test", "film-0001": "train", "film-0002": "val", "elsewhere": "val"}
    splits = split(table, 0.2, 0.3, 3, fixed)
    assert splits[:3].tolist() == ["test", "train", "val"]
    pd.testing.assert_series_equal(splits[3:], draw(table)[3:])


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("test", "train"), "train"),
        (("test", "val"), "val"),
        (("val", "train"), "train"),
        (("test", "test"), "test"),
    ],
)
def test_a_group_put_apart_is_not_tested(places: tuple[str, str], expected: str) -> None:
    table = films(60, 60)
    table.loc[[0, 1, 2], "group"] = "film-0000"
    fixed = dict(zip(["film-0000", "film-0002"], places, strict=True))
    assert split(table, 0.2, 0.3, 3, fixed)[[0, 1, 2]].tolist() == [expected] * 3
    assert set(SPLITS) == {"train", "val", "test"}


def test_a_split_is_read_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("\ufeffsplit,sample_id,note\ntest,007,x\ntrain,NA,y\ntest,007,z\n", "utf-8")
    assert read_splits(file) == {"007": "test", "NA": "train"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a CSV table"),
        (b"\xff\xfe\x00", "is not a CSV table"),
        (b"sample_id,part\na,test\n", "lacks column split; it needs sample_id and split"),
        (b"split\ntest\n", "lacks column sample_id"),
        (b"sample_id,split\na,test\nb,valid\n", "line 3: split is 'valid', not train, val or test"),
        (b"sample_id,split\na,test\na,val\n", "line 3: a is in test too; a film has one split"),
    ],
)
def test_a_table_that_is_no_split_is_told_of(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_splits(file)
    assert "\n" not in str(caught.value)


def test_a_split_that_is_not_here_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.csv is not here; split\.source is drawn, offic"):
        read_splits(tmp_path / "mine.csv")
