"""Tables are as they are declared: what is refused, and what a real study leaves."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.studies import QUICK

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.core.tables.data import FILMS, UNREADABLE
from radrobust.core.tables.published import OF_SYSTEMS, PUBLISHED
from radrobust.core.tables.schema import Column, Table
from radrobust.stages.tables import README, readme, tables

ALL = (FILMS, UNREADABLE, *dict.fromkeys([*OF_SYSTEMS, *PUBLISHED]))
TOY = Table(
    "toys",
    Path("results/{system}/toys.parquet"),
    "a toy",
    (
        Column("name", "str", "its name"),
        Column("colour", "str", "its colour"),
        Column("count", "int16", "how many there are"),
        Column("share", "float32", "of all, in [0, 1]"),
        Column("error", "float64", "of the share", optional=True),
        Column("sold", "bool", "whether they are sold"),
        Column("sizes", "object", "a list of lengths"),
    ),
    ("name", "colour"),
    more="subgroup_",
)
ROWS = [
    ("ball", "red", 3, 0.25, np.nan, True, [1.0, 2.0]),
    ("ball", "blue", 4, 0.75, 0.1, False, []),
]


@pytest.fixture
def toys():
    return TOY.of_rows(ROWS)


# --- What is refused --------------------------------------------------------------------------


def test_columns_come_in_their_order_and_of_their_types(toys):
    mixed = toys.assign(count=[3.0, 4.0], subgroup_age=["old", ""])[
        ["subgroup_age", *reversed(TOY.names)]
    ]
    table = TOY.checked(mixed)
    assert list(table) == [*TOY.names, "subgroup_age"]
    assert table.dtypes.astype(str).to_dict() == TOY.dtypes | {"subgroup_age": "str"}
    pd.testing.assert_frame_equal(table.drop(columns="subgroup_age"), toys)


@pytest.mark.parametrize("name", TOY.names)
def test_a_missing_column_is_named(toys, name):
    with pytest.raises(ValueError, match=rf"^toys: columns .* missing or not declared: {name}$"):
        TOY.checked(toys.drop(columns=name))


def test_an_unknown_column_is_named(toys):
    with pytest.raises(ValueError, match=r"^toys: columns .* missing or not declared: age, price$"):
        TOY.checked(toys.assign(price=1, age=2))
    plain = dataclasses.replace(TOY, more="")
    with pytest.raises(ValueError, match=r"^toys: .* not declared: subgroup_age$"):
        plain.checked(toys.assign(subgroup_age="old"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["count", "share"])
def test_a_number_that_is_none_is_named_with_its_row(toys, name, value):
    wrong = toys.assign(**{name: toys[name].astype("float64").where([True, False], value)})
    with pytest.raises(ValueError, match=rf"^toys: {name} is {value} of name ball, colour blue$"):
        TOY.checked(wrong)


@pytest.mark.parametrize("name", ["name", "colour", "sold", "sizes"])
@pytest.mark.parametrize("value", [None, np.nan])
def test_a_missing_value_is_named_with_its_row(toys, name, value):
    values = toys[name].astype("object")
    values[1] = value
    with pytest.raises(ValueError, match=rf"^toys: {name} is (None|nan) of name .*, colour "):
        TOY.checked(toys.assign(**{name: values}))


def test_what_is_optional_may_be_missing(toys):
    assert TOY.checked(toys.assign(error=np.nan))["error"].isna().all()


def test_a_row_that_is_there_twice_is_named(toys):
    twice = pd.concat([toys, toys.tail(1).assign(count=9)], ignore_index=True)
    with pytest.raises(ValueError, match=r"^toys: name ball, colour blue is there twice$"):
        TOY.checked(twice)
    nameless = dataclasses.replace(TOY, key=())
    assert len(nameless.checked(twice)) == 3


def test_no_rows_have_the_types_of_some(toys):
    nothing = TOY.of_rows([])
    assert len(nothing) == 0
    assert nothing.dtypes.equals(toys.dtypes)
    assert TOY.checked(nothing).dtypes.astype(str).to_dict() == TOY.dtypes


def test_what_is_refused_is_not_written(toys, tmp_path):
    with pytest.raises(ValueError, match="is there twice"):
        TOY.write(pd.concat([toys, toys]), tmp_path)
    assert not list(tmp_path.iterdir())
    TOY.write(toys[reversed(TOY.names)], tmp_path)
    found = pd.read_parquet(tmp_path / "toys.parquet")
    assert found.dtypes.astype(str).to_dict() == TOY.dtypes
    assert found["sizes"].map(list).tolist() == [[1.0, 2.0], []]


def test_each_system_has_its_own_file(toys, tmp_path):
    for system in ("one", "two"):
        folder = (tmp_path / TOY.file(system)).parent
        folder.mkdir(parents=True)
        TOY.write(toys.assign(colour=system, name=["a", "b"]), folder)
    assert TOY.read(tmp_path, "two")["colour"].tolist() == ["two"] * 2
    both = TOY.read_all(["two", "one"], tmp_path)
    assert both["colour"].tolist() == ["two", "two", "one", "one"]
    with pytest.raises(InputError, match=r"^results/three/toys\.parquet is not here; run `dvc rep"):
        TOY.read_all(["one", "three"], tmp_path)


# --- What is declared -------------------------------------------------------------------------


def test_no_two_tables_share_a_name_in_downloads_or_a_file():
    assert len({table.name for table in PUBLISHED}) == len(PUBLISHED)
    assert len({table.path for table in ALL}) == len(ALL)
    assert all(("{system}" in str(table.path)) == (table in OF_SYSTEMS) for table in ALL)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.path.as_posix())
def test_a_declaration_is_whole(table):
    assert len(set(table.names)) == len(table.columns)
    assert set(table.key) <= set(table.names)
    assert table.row and all(column.meaning for column in table.columns)
    assert table.of_rows([]).dtypes.astype(str).to_dict() == table.dtypes
    for column in table.columns:  # only in these can a value be NaN
        assert not column.optional or column.dtype.startswith("float"), column.name


def test_the_readme_names_every_column_of_every_table_and_says_what_it_is():
    sections = [text.strip() for text in readme(PUBLISHED).split("\n\n")]
    for table in PUBLISHED:
        (section,) = (text for text in sections if text.startswith(f"{table.name}\n=="))
        assert all(len(line) <= 100 for line in section.splitlines())
        said = " ".join(section.split())
        assert f"One row: {table.row}." in said
        for column in table.columns:
            assert f" {column.name} {column.meaning} ({column.dtype})" in said, column.name
        assert (f"{table.more}NAME" in said) == bool(table.more)


# --- What a study leaves ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory, write_study):
    """A study of two systems, from the films to the downloads."""
    from radrobust.stages.attack import attack
    from radrobust.stages.explain import explain
    from radrobust.stages.finetune import finetune
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp("study")
    write_study(root, QUICK)
    systems = ["amini2024", "huang2021"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        params = load_params().model_copy(update={"systems": systems})
        for stage in (finetune, attack, explain):
            for system in systems:
                stage(system, params)
        summarise(params)
        tables(params)
        yield systems


@pytest.mark.slow
@pytest.mark.parametrize("table", ALL, ids=lambda table: table.path.as_posix())
def test_what_a_study_writes_is_as_it_is_declared(study, table):
    for system in study if table in OF_SYSTEMS else [""]:
        rows = table.read(system=system)
        pd.testing.assert_frame_equal(rows, table.checked(rows))
        if "condition" in table.names:
            assert rows["condition"].str.fullmatch(r"clean( threshold)?|[a-z-]+ linf .+").all()


@pytest.mark.slow
@pytest.mark.parametrize("table", PUBLISHED, ids=lambda table: table.name)
def test_what_is_published_is_as_it_is_declared(study, table):
    rows = pd.read_parquet(paths.TABLES / f"{table.name}.parquet")
    pd.testing.assert_frame_equal(rows, table.checked(rows))
    said = (paths.TABLES / README).read_text(encoding="utf-8")
    for column in rows:
        name = re.sub("^subgroup_.*", "subgroup_NAME", column)
        assert re.search(rf"(?m)^  {name} ", said), column
