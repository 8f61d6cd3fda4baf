from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.data.splitting import SPLITS, split
from radrobust.errors import InputError


def films(absent: int, present: int) -> pd.DataFrame:
    labels = [0] * absent + [1] * present
    return pd.DataFrame({"group": [f"g{n}" for n in range(len(labels))], "label": labels})


@given(st.integers(20, 300), st.integers(20, 300), st.integers(0, 2**32 - 1))
def test_shares_are_exact_in_each_class(absent: int, present: int, seed: int) -> None:
    table = films(absent, present)
    table["split"] = split(table, 0.15, 0.25, seed)
    for label, n in enumerate((absent, present)):
        counts = table.loc[table["label"] == label, "split"].value_counts()
        assert counts["val"] == round(0.15 * n) and counts["test"] == round(0.25 * n)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), max_size=120),
    st.integers(0, 100),
    st.randoms(use_true_random=False),
)
def test_groups_stay_together_and_rows_may_be_shuffled(
    pairs: list[tuple[int, int]], seed: int, random: np.random.RandomState
) -> None:
    table = films(40, 40)
    extra = pd.DataFrame(pairs, columns=["group", "label"]).astype({"group": str})
    table = pd.concat([table, extra], ignore_index=True)
    splits = split(table, 0.2, 0.3, seed)
    assert splits.index.equals(table.index) and set(splits) == set(SPLITS)
    assert splits.groupby(table["group"]).nunique().max() == 1
    for label in (0, 1):
        chosen = splits[table["label"] == label]
        for name, share in (("val", 0.2), ("test", 0.3)):
            assert (chosen == name).sum() <= round(share * len(chosen))

    order = list(table.index)
    random.shuffle(order)
    pd.testing.assert_series_equal(split(table.loc[order], 0.2, 0.3, seed).sort_index(), splits)


def test_one_class_does_not_disturb_the_other() -> None:
    few, many = films(30, 30), films(30, 90)
    one, other = split(few, 0.2, 0.3, 1), split(many, 0.2, 0.3, 1)
    assert one[few["label"] == 0].tolist() == other[many["label"] == 0].tolist()


def test_another_seed_is_another_split() -> None:
    table = films(50, 50)
    assert not split(table, 0.2, 0.3, 1).equals(split(table, 0.2, 0.3, 2))


def test_a_group_of_both_classes_stays_together() -> None:
    table = films(20, 20)
    table.loc[[3, 25], "group"] = "both"
    for seed in range(30):
        splits = split(table, 0.2, 0.3, seed)
        assert splits[3] == splits[25]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (films(40, 0), "with label 1"),
        (films(0, 40), "with label 0"),
        (films(40, 2), "0.2 of 2 films with label 1"),
        (films(40, 40).assign(group="same"), "test, 0.3 of 40 films|val, 0.2 of 40 films"),
    ],
)
def test_too_few_films_are_told_of(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split(table, 0.2, 0.3, 0)
