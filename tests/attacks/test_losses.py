import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

from radrobust.attacks.losses import LOSSES, cross_entropy, dlr, margin

LOGITS = torch.tensor([[2.0, -1.0, 0.5, 0.0], [0.0, 3.0, 4.0, -2.0]])
LABELS = torch.tensor([0, 1])
TARGETS = torch.tensor([3, 2])


def test_margins_by_hand():
    assert margin(LOGITS, LABELS).tolist() == [-1.5, 1.0]
    assert margin(LOGITS, LABELS, TARGETS).tolist() == [-2.0, 1.0]


def test_the_cross_entropy_of_two_classes_is_softplus_of_the_margin():
    logits = LOGITS[:, :2]
    expected = torch.nn.functional.softplus(margin(logits, LABELS))
    torch.testing.assert_close(cross_entropy(logits, LABELS), expected)
    torch.testing.assert_close(
        cross_entropy(logits, LABELS, 1 - LABELS),
        -torch.nn.functional.softplus(-margin(logits, LABELS)),
    )


def test_the_difference_of_logits_ratio_is_that_of_its_authors():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 5, generator=generator)
    labels = torch.randint(0, 5, (20,), generator=generator)
    theirs = APGDAttack(None, eps=0.1)
    torch.testing.assert_close(dlr(logits, labels), theirs.dlr_loss(logits, labels))
    targets = (labels + 1 + torch.randint(0, 4, (20,), generator=generator)) % 5
    targeted = APGDAttack_targeted(None, eps=0.1)
    targeted.y_target = targets
    torch.testing.assert_close(
        dlr(logits, labels, targets), targeted.dlr_loss_targeted(logits, labels)
    )


def test_the_ratio_is_blind_to_the_scale_of_the_logits():
    torch.testing.assert_close(dlr(1000 * LOGITS, LABELS), dlr(LOGITS, LABELS))


def test_the_ratio_needs_three_classes():
    with pytest.raises(ValueError, match="needs 3 classes, not 2"):
        dlr(LOGITS[:, :2], LABELS)
    with pytest.raises(ValueError, match="needs 4 classes, not 3"):
        dlr(LOGITS[:, :3], LABELS, LABELS)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("targets", [None, TARGETS])
def test_a_loss_rises_where_the_label_loses(loss, targets):
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(LOSSES[loss](logits, LABELS, targets).sum(), logits)
    if loss == "ce" and targets is not None:  # it only asks for the target
        assert (gradient.gather(1, TARGETS.unsqueeze(1)) > 0).all()
    else:
        assert (gradient.gather(1, LABELS.unsqueeze(1)) < 0).all()
