import pytest

from radrobust.core.errors import InputError, about


def test_an_error_says_of_what_it_speaks():
    with pytest.raises(InputError, match=r"^attack@peng2023: trades, epoch 2: no numbers$"):  # noqa: SIM117
        with about("attack@peng2023"), about("trades, epoch 2"):
            raise InputError("no numbers")


def test_another_error_is_left_as_it_is():
    with pytest.raises(KeyError, match="lost"), about("attack@peng2023"):
        raise KeyError("lost")
