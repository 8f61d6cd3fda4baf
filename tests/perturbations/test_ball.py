import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.attacks.toys import SIDE, random_films

from radrobust.core.conditions import CIFAR_STD
from radrobust.perturbations.ball import Ball

balls = st.builds(
    Ball,
    st.sampled_from(["linf", "l2"]),
    st.sampled_from([0.0, 1 / 255, 4 / 255, 0.3, 1.0, 3.0]),
    st.sampled_from([(1.0,), CIFAR_STD]),
)


def distance(ball, points, films):
    change = (points - films) / ball.unit(films)
    return change.abs().amax() if ball.norm == "linf" else change.flatten(1).norm(dim=1).amax()


def canvas(ball, seed):
    return random_films(seed).pixels.expand(-1, len(ball.units), -1, -1)


@given(balls, st.integers(0, 1000), st.sampled_from([0.01, 1.0, 100.0]))
@settings(max_examples=60, deadline=None)
def test_a_projection_lies_in_the_ball_and_in_the_range_and_projects_onto_itself(ball, seed, far):
    films = canvas(ball, seed)
    points = films + far * torch.randn(films.shape, generator=torch.Generator().manual_seed(seed))
    nearest = ball.project(points, films)
    assert distance(ball, nearest, films) <= ball.eps + 1e-6
    assert nearest.min() >= 0
    assert nearest.max() <= 1
    torch.testing.assert_close(ball.project(nearest, films), nearest, atol=1e-6, rtol=0)


@given(balls, st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_no_unit_step_raises_a_linear_loss_more_than_the_steepest(ball, seed):
    generator = torch.Generator().manual_seed(seed)
    gradient = torch.randn(3, len(ball.units), SIDE, SIDE, generator=generator)
    steepest = ball.steepest(gradient)
    other = torch.randn(gradient.shape, generator=generator)
    whole = Ball(ball.norm, 1.0, ball.units)
    zero = torch.zeros_like(gradient)
    size = distance(whole, other, zero).clamp(min=1e-6)
    assert distance(whole, steepest, zero) == pytest.approx(1, abs=1e-5)
    gain = (steepest * gradient).sum(dim=(1, 2, 3))
    assert (gain >= (other / size * gradient).sum(dim=(1, 2, 3)) - 1e-5).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_without_a_gradient_there_is_no_direction_and_a_tiny_one_is_enough(norm):
    ball = Ball(norm, 0.1)
    gradient = torch.zeros(3, 1, SIDE, SIDE)
    gradient[1, 0, 2, 3] = 1e-30
    gradient[2] = torch.nan
    steepest = ball.steepest(gradient)
    assert (steepest[0] == 0).all()
    assert steepest[1].sum() == pytest.approx(1)
    assert (steepest[2] == 0).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_start_belongs_to_its_film_seed_and_restart(norm):
    ball, films = Ball(norm, 0.05), torch.full((2, 1, SIDE, SIDE), 0.5)
    both = ball.draw(films, ["a", "b"], seed=1)
    assert torch.equal(both[1:], ball.draw(films[1:], ["b"], seed=1))
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(both, ball.draw(films, ["a", "b"], seed=2))
    assert not torch.equal(both, ball.draw(films, ["a", "b"], seed=1, restart=1))
    assert distance(ball, both, films) <= 0.05 + 1e-6


@pytest.mark.parametrize("by_name", [True, False])
def test_starts_fill_the_ball(by_name):
    films = torch.full((200, 1, SIDE, SIDE), 0.5)
    names = [str(row) for row in range(200)]

    def drawn(norm):
        ball, generator = Ball(norm, 0.1), torch.Generator().manual_seed(0)
        points = ball.draw(films, names, 0) if by_name else ball.draw_batch(films, generator)
        return points - films

    change = drawn("linf")
    assert change.min() < -0.099
    assert change.max() > 0.099
    assert abs(float(change.mean())) < 1e-3
    length = drawn("l2").flatten(1).norm(dim=1)
    # In 64 dimensions a share 0.99^64 of the volume lies within 0.99 of the radius: about half.
    assert 0.4 < float((length < 0.099).float().mean()) < 0.65


def test_no_start_is_drawn_for_no_film():
    none = torch.zeros(0, 1, SIDE, SIDE)
    assert Ball("l2", 0.1).draw(none, [], seed=0).shape == none.shape


def test_an_eps_in_standard_deviations_is_about_a_quarter_of_one_in_pixels():
    ball = Ball("linf", 4 / 255, CIFAR_STD)
    films = torch.full((1, 3, SIDE, SIDE), 0.5)
    moved = ball.project(films + 1, films) - films
    levels = 255 * moved.amax(dim=(0, 2, 3))
    torch.testing.assert_close(levels, 4 * torch.tensor(CIFAR_STD), atol=1e-4, rtol=0)
