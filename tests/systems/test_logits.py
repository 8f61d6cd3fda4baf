import math

import pytest
import torch

from radrobust.systems.logits import logit_of, margins_of, probability_of

LOGITS = torch.tensor([[1.0, 3.0], [2.0, -2.0]])


def test_what_is_read_off_an_answer_by_hand():
    classes = torch.tensor([0, 1])
    assert logit_of(LOGITS, classes).tolist() == [1.0, -2.0]
    assert margins_of(LOGITS).tolist() == [2.0, -4.0]
    expected = [1 / (1 + math.exp(2)), 1 / (1 + math.exp(4))]
    assert probability_of(LOGITS, classes).tolist() == pytest.approx(expected)


def test_a_margin_is_taken_in_float32():
    logits = torch.tensor([[1.0, 258.0]], dtype=torch.bfloat16)  # which cannot hold 257
    assert margins_of(logits).tolist() == [257.0]
