"""Steps of training

The same residual network, trained by denoising score matching with Adam on batches of 128, by `training.fit` (its
losses at the end included) and by an eager loop in PyTorch; a quarter of the time of four networks at once by
`fit_many` beside them. The limit is the matrix products of as many steps and nothing else, compiled. The entries
compare the two networks with the same weights against double precision.

Where the time goes: a step is its matrix products, 65 % at width 128 and three quarters above. Alone they would be 5.3,
2.7 and 3 times faster than the eager loop, whose own cost for each operation counts less the longer the products take:
a factor of 3 is out of reach at width 256 and 512.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from book import ratio
from measure import Contender, race, warmed

from diffmem import networks, scores, training

LOW, HIGH, BATCH, POINTS = 0.1, 3.0, 128, 64
SIZES = {"d = 8, width 128": (8, 128), "d = 64, width 256": (64, 256), "d = 784, width 512": (784, 512)}
OURS, MANY, PRODUCTS = "diffmem", "diffmem, 4 at once", "matrix products alone, XLA"
TORCH, ALONE = "PyTorch, eager", "PyTorch, eager, one thread"


def cases(full: bool) -> list[str]:
    """Three sizes of one network."""
    return list(SIZES) if full else list(SIZES)[:1]


def run(book, case: str) -> None:
    """Ours, four of ours, PyTorch's; times of as many steps of one network."""
    d, width = SIZES[case]
    steps = {8: 8000, 64: 2000, 784: 200}[d] if book.full else 50
    points = np.random.default_rng(0).normal(size=(POINTS, d)).astype(np.float32)
    objective = training.ScoreMatching(training.LogUniform(LOW, HIGH), training.weights.EDM(1.0))
    starts = [learned(d, width, seed) for seed in range(4)]
    options = {"key": jax.random.key(0), "steps": steps, "batch": BATCH, "snapshots": 1}
    shown = jnp.asarray(points)
    contenders = [
        Contender(PRODUCTS, lambda: warmed(lambda: products(starts[0].network, steps))),
        Contender(OURS, lambda: warmed(lambda: training.fit(starts[0], shown, objective, **options).loss)),
        Contender(MANY, lambda: warmed(lambda: training.fit_many(starts, shown, objective, **options).loss), share=4),
        Contender(TORCH, lambda: lambda: eager(torch_network(starts[0].network), points, steps, None)),
        Contender(ALONE, lambda: lambda: eager(torch_network(starts[0].network), points, steps, 1)),
    ]
    found = race(book, case, contenders, ours=OURS, limit=(PRODUCTS,))
    book.goal(case, f"{TORCH} / time", ratio(found, TORCH, OURS), least=3)
    book.goal(case, f"{ALONE} / time", ratio(found, ALONE, OURS), least=3)
    agreement(book, case, starts[0], points)


def learned(d: int, width: int, seed: int):
    """An untrained network with its preconditioning."""
    network = networks.ResidualMLP(d, width, key=jax.random.key(seed))
    return scores.Learned(network, scores.predictions.Preconditioned(1.0), ratios=(LOW, HIGH))


def products(network, steps: int):
    """The matrix products of steps of this network without its activations: forward, gradients, a step of descent."""
    weights = [layer.weight for layer in (*network.hidden, network.last)]
    return _products(weights, jnp.ones((BATCH, network.last.out_features), jnp.float32), steps)


@jax.jit
def _products(weights, x, steps):
    def step(_, weights):
        seen, h = [], x
        for weight in weights:
            seen.append(jnp.pad(h, ((0, 0), (0, weight.shape[1] - h.shape[1]))))  # room for the noise level
            h = seen[-1] @ weight.T
        moved = []
        for weight, a in zip(reversed(weights), reversed(seen)):
            moved.append(weight - 1e-9 * h.T @ a)
            h = (h @ weight)[:, : weights[-1].shape[1]]
        return moved[::-1]

    return jax.lax.fori_loop(0, steps, step, weights)


def torch_network(network, dtype: str = "float32"):
    """The same network, weights included, in PyTorch."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = []
            for layer in (*network.hidden, network.last):
                own = torch.nn.Linear(layer.in_features, layer.out_features)
                own.weight.data = torch.tensor(np.asarray(layer.weight))
                own.bias.data = torch.tensor(np.asarray(layer.bias))
                layers.append(own)
            self.layers = torch.nn.ModuleList(layers)
            self.waves = 2.0 ** torch.arange(-2, 2)

        def forward(self, x, noise):
            angles = noise[:, None] * self.waves.to(noise)
            context = torch.cat([noise[:, None] / 4, torch.sin(angles), torch.cos(angles)], dim=1)
            h = torch.nn.functional.silu(self.layers[0](torch.cat([x, context], dim=1)))
            for layer in self.layers[1:-1]:
                h = h + torch.nn.functional.silu(layer(torch.cat([h, context], dim=1)))
            return self.layers[-1](h)

    return Network().to(getattr(torch, dtype))


def eager(network, points, steps: int, threads: int | None) -> float:
    """The usual loop, on all cores or so many threads (for small networks one is faster)."""
    import torch

    torch.set_num_threads(threads or len(os.sched_getaffinity(0)))
    y = torch.from_numpy(points)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    total = 0.0
    for _ in range(steps):
        x0 = y[torch.randint(len(y), (BATCH,))]
        sigma = LOW * (HIGH / LOW) ** torch.rand(BATCH, 1)
        x = x0 + sigma * torch.randn_like(x0)
        loss = ((denoised(network, x, sigma) - x0) ** 2 * (1 + 1 / sigma**2)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total / steps


def denoised(network, x, sigma):
    """D with EDM's preconditioning, for data of unit standard deviation."""
    spread = (1 + sigma**2).sqrt()
    return (x / spread + sigma * network(x / spread, sigma.log()[:, 0])) / spread


def agreement(book, case: str, score, points) -> None:
    """Both networks in single precision against PyTorch's in double."""
    try:
        import torch
    except ImportError:
        return
    sigma = np.geomspace(LOW * 1.01, HIGH * 0.99, len(points), dtype=np.float32)[:, None]
    with torch.no_grad():
        single, double = (
            denoised(
                torch_network(score.network, dtype), *(torch.tensor(part.astype(dtype)) for part in (points, sigma))
            )
            for dtype in ("float32", "float64")
        )
    ours = jax.vmap(lambda x, s: score.denoise(x, (1.0, s)))(jnp.asarray(points), jnp.asarray(sigma[:, 0]))
    truth = double.numpy()
    for name, found in ((OURS, ours), (TORCH, single.numpy())):
        error = np.abs(np.asarray(found) - truth).max() / np.abs(truth).max()
        book.entry(case=case, network=name, **{"largest error of D / largest D": float(error)})
