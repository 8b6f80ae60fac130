"""A small PyTorch network in one line: its answers, its derivatives, and what it is called with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffmem
from diffmem import processes, scores
from diffmem.level import NoiseLevel

torch = pytest.importorskip("torch")

FLOAT = np.zeros((), jnp.zeros(()).dtype).dtype.type
RTOL = 1e-10 if FLOAT is np.float64 else 2e-4
TABLE = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
LEVEL = NoiseLevel(FLOAT(0.8), FLOAT(0.6))
X = np.array([[0.3, -0.5, 1.2], [-0.7, 0.1, 0.4]], FLOAT)


class Net(torch.nn.Module):
    """tanh layers of x and t, with a shift, an embedding and dropout; what it was called with is kept."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Linear(4, 16, dtype=dtype), torch.nn.Linear(16, 3, dtype=dtype)
        self.drop, self.seen = torch.nn.Dropout(0.5), []

    def forward(self, x, t, shift=None):
        self.seen.append((tuple(x.shape), x.dtype, t.detach().clone()))
        hidden = torch.tanh(self.first(torch.cat([x, t.to(x)[:, None] / 1000], dim=1)))
        answer = self.last(self.drop(hidden))
        return answer if shift is None else answer + shift


def twin(net, t):
    """The network without dropout as a JAX function of x."""
    weights = [jnp.asarray(part.detach().numpy(), FLOAT) for part in net.parameters()]
    A, a, B, b = weights
    return lambda x: B @ jnp.tanh(A @ jnp.append(x, jnp.asarray(t / 1000, x.dtype)) + a) + b


@pytest.mark.slow
def test_answers_and_derivatives():
    """Against the same network in JAX, dropout off; exact and probed divergences need them."""
    net = Net()
    score, process = diffmem.from_torch(net, predicts="noise", schedule=TABLE)
    level = process.level(401.0)
    same = twin(net, 400)
    np.testing.assert_allclose(jax.vmap(lambda x: score.noise(x, level))(X), jax.vmap(same)(X), rtol=RTOL)
    assert net.seen[-1][0] == (2, 3) and net.seen[-1][2].tolist() == [400, 400]
    assert net.training  # as it was
    truth = [-np.trace(jax.jacfwd(same)(x)) / level.sigma for x in X]
    np.testing.assert_allclose(jax.vmap(lambda x: score.divergence(x, level))(X), truth, rtol=10 * RTOL)
    for derivative in (jax.jacfwd, jax.jacrev):
        found = derivative(lambda x: score.noise(x, level))(X[0])
        np.testing.assert_allclose(found, jax.jacfwd(same)(X[0]), rtol=10 * RTOL, atol=1e-7)


@pytest.mark.parametrize(
    "schedule, level, told",
    [
        (TABLE, NoiseLevel(1.0, np.sqrt(1 / TABLE[700] - 1)), 700),
        (TABLE, NoiseLevel(1.0, 1e-9), 0),
        (TABLE, NoiseLevel(1.0, 1e9), 999),
        (torch.from_numpy(TABLE), NoiseLevel(1.0, np.sqrt(1 / TABLE[3] - 1)), 3),
        (processes.FlowMatching(), NoiseLevel(1.0, 3.0), 0.75),
        (processes.EDM(), NoiseLevel(0.5, 2.0), 4.0),
        (processes.OrnsteinUhlenbeck(), NoiseLevel(1.0, 0.6 / 0.8), -np.log(0.8)),
    ],
)
def test_the_time_that_a_network_is_told(schedule, level, told):
    net = Net()
    score, _ = diffmem.from_torch(net, predicts="v", schedule=schedule)
    jax.block_until_ready(score.evaluate(X[0], NoiseLevel(*(FLOAT(part) for part in level))))
    assert float(net.seen[-1][2][0]) == pytest.approx(told, rel=1e-6)


def test_a_time_of_ones_own_and_a_condition():
    net = Net()
    shift = torch.full((1, 3), 2.0)
    plain, _ = diffmem.from_torch(net, predicts="x0", schedule=processes.EDM())
    score, _ = diffmem.from_torch(
        net,
        predicts="x0",
        schedule=processes.EDM(),
        time=lambda alpha, sigma: np.log(sigma) / 4,
        condition={"shift": shift},
    )
    level = NoiseLevel(FLOAT(1), FLOAT(1))
    found = jax.vmap(lambda x: score.denoise(x, level))(X)
    assert net.seen[-1][2].tolist() == [0, 0]
    same = twin(net, 0)
    np.testing.assert_allclose(found, jax.vmap(same)(X) + 2, rtol=RTOL)
    guided = scores.Guided(score, plain, 3.0).denoise(X[0], level)
    np.testing.assert_allclose(guided, twin(net, 1.0)(X[0]) + 3 * (found[0] - twin(net, 1.0)(X[0])), rtol=10 * RTOL)


def test_half_precision_and_more_channels():
    """Answers of bfloat16 networks, in a tuple, with channels of a learned variance behind those of x."""
    weight = torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True)

    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(weight)

        def forward(self, x, t):
            assert x.dtype == torch.bfloat16
            return (torch.cat([self.weight * x, x], dim=1),)

    score, _ = diffmem.from_torch(Half(), predicts="x0", schedule=processes.EDM())
    x = np.array([[[0.5, -0.25]], [[1.0, 2.0]]], FLOAT)
    np.testing.assert_array_equal(score.denoise(x, NoiseLevel(1.0, 1.0)), x / 2)


def test_what_cannot_be_wired():
    with pytest.raises(ValueError, match="`predicts` must be"):
        diffmem.from_torch(Net(), predicts="epsilon", schedule=TABLE)
    with pytest.raises(ValueError, match="`alpha_bars` must be two or more decreasing numbers"):
        diffmem.from_torch(Net(), predicts="noise", schedule=TABLE[::-1])


def test_every_part_keeps_its_own_mode():
    """A frozen part in evaluation while the whole trains, and a dropout that trains while the whole is evaluated."""
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.frozen = torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(20)

        def forward(self, x, t):
            return self.drop(self.frozen(x))

    network = Net()
    network.frozen.eval()
    process = processes.OrnsteinUhlenbeck()
    score, _ = diffmem.from_torch(network, predicts="x0", schedule=process)
    x, level = np.ones(20, np.float32), process.level(0.5)
    expected = np.ones(20) / np.sqrt(1 + network.frozen.eps)
    np.testing.assert_allclose(score.denoise(x, level), expected, rtol=1e-4)
    assert network.training and network.drop.training and not network.frozen.training
    network.eval()
    network.drop.train()
    np.testing.assert_allclose(score.denoise(x, level), expected, rtol=1e-4)
    assert network.drop.training and not network.training
