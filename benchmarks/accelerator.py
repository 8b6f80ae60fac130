"""On an accelerator

Ours against plain JAX and PyTorch on one device, in one process: `python benchmarks/accelerator.py PATH [--small]`
writes what the page is made from. It needs JAX, diffrax, equinox, optax, xarray, PyTorch, NumPy and this repository,
and nothing installed from it. The one line is `softmax((x Y^T - |Y|^2/2) / sigma^2) Y`, jitted, with products of
precision `highest`; ours is the whole posterior of the batch. Data have an image-like spectrum, k^-1.5, and unit
variance per coordinate; the 1,797 points in 64 dimensions have 17 grey levels, as the digits. Contenders are called in
turn, their points on the device, except where a row says that they come from the host.

*Error* is that of the displacement D - x relative to its length, or the share of neighbours out of order, against
direct differences in double precision by PyTorch on the same device; of samples the share that ends more than .001 from
where the same scan in double precision ends. The second table has the posterior's other errors.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch wants some of the memory
os.environ.setdefault("JAX_ENABLE_X64", "0")
sys.path.insert(0, str(Path(__file__).parents[1]))

import jax
import jax.numpy as jnp
import numpy as np
import torch
from by_hand import heun_by_hand, one_line

import diffmem as dm
from diffmem import metrics, networks, training
from diffmem.integrators import Heun, grids
from diffmem.reductions.energies import queries_of
from diffmem.scores import Empirical, Learned
from diffmem.scores import parametrisation as predictions

NOISES = (0.1, 2.0, 8.0, 40.0)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CHECKED = 4  # queries with a reference in double precision
LEAST, MOST_SECONDS = 5, 0.6  # calls of a contender, and seconds of calls after which there are no more
OURS, LINE, SCAN = "diffmem", "one line", "lax.scan by hand"
STEPS = 18  # of Heun's method


class Book:
    """Everything measured, on disk after each part."""

    def __init__(self, path: Path, small: bool):
        self.path, self.start = path, time.perf_counter()
        title, _, text = __doc__.partition("\n")
        self.content = {
            "name": "accelerator",
            "title": title,
            "text": text.strip(),
            "scale": "small" if small else "full",
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "seconds": 0.0,
            "machine": machine(),
            "rows": [],
            "goals": [],
            "entries": [],
            "failures": [],
        }

    def row(self, case, method, seconds, note="", **numbers):
        """One line of the table of times."""
        row = {"case": case, "method": method, "failure": None, "note": note, "seconds": sorted(seconds)}
        self.content["rows"].append(row | {name: plain(value) for name, value in numbers.items()})
        told = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items() if isinstance(value, float))
        print(f"    {case}: {method}: {statistics.median(seconds) * 1e3:.4g} ms  {told}", flush=True)

    def entry(self, **columns):
        """One line of the table of what are not times."""
        self.content["entries"].append({name: plain(value) for name, value in columns.items()})
        print("    " + ", ".join(f"{k} {v if isinstance(v, str) else format(v, '.3g')}" for k, v in columns.items()))

    def goal(self, case, what, measured, *, most=None, least=None):
        """Whether what was hoped for came out."""
        measured = plain(measured)
        met = None
        if measured is not None:
            met = bool((most is None or measured <= most) and (least is None or measured >= least))
        self.content["goals"].append(
            {"case": case, "what": what, "measured": measured, "least": least, "most": most, "met": met}
        )
        bound = f"<= {most:g}" if least is None else f">= {least:g}"
        found = "not measured" if measured is None else f"{measured:.4g}"
        print(f"  {'met   ' if met else 'MISSED'} {case}: {what}: {found} ({bound})", flush=True)

    def save(self):
        """All of it."""
        self.content["seconds"] = time.perf_counter() - self.start
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.content, indent=1) + "\n")


def main() -> None:
    """All parts, each with what went wrong in it; the exit status is 1 where something did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="where the JSON goes")
    parser.add_argument("--small", action="store_true", help="small sizes: shows on any machine that it runs")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS), help="some parts")
    parser.add_argument("--seconds", type=float, default=330, help="after which no part is begun")
    options = parser.parse_args()
    book = Book(options.path, options.small)
    print(f"{book.content['machine']['device']}; PyTorch on {DEVICE}", flush=True)
    for name in options.only:
        began = time.perf_counter() - book.start
        if began > options.seconds:
            book.content["failures"].append({"case": name, "reason": f"not begun: {began:.0f} s had passed"})
            print(f"{name}: no time left", flush=True)
            continue
        print(f"{name} (after {began:.0f} s)", flush=True)
        try:
            PARTS[name](book, options.small)
        except Exception as fault:
            traceback.print_exc()
            line = (str(fault).strip().splitlines() or [""])[0][:160]
            book.content["failures"].append({"case": name, "reason": f"{type(fault).__name__}: {line}"})
        book.save()
    book.save()
    goals = [goal["met"] for goal in book.content["goals"]]
    print(f"{goals.count(True)} met, {goals.count(False)} missed; {book.content['seconds']:.0f} s; {options.path}")
    sys.exit(bool(book.content["failures"]))


def alternate(calls: dict) -> dict[str, list[float]]:
    """Seconds of each call, taken in turn; each has been made before."""
    seconds = {name: [] for name in calls}
    while any(len(each) < LEAST or (sum(each) < MOST_SECONDS and len(each) < 50) for each in seconds.values()):
        for name, call in calls.items():
            seconds[name].append(seconds_of(call))
        if sum(map(sum, seconds.values())) > 20 and min(map(len, seconds.values())) >= 2:
            break  # long calls are made twice
    return seconds


def seconds_of(call) -> float:
    """One call, its results ready."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def ratio(seconds: dict, over: str, under: str) -> float:
    """Of medians."""
    return statistics.median(seconds[over]) / statistics.median(seconds[under])


# data


def image_like(n: int, d: int, seed: int = 0) -> np.ndarray:
    """n float32 points of covariance eigenvalues `L_k ~ k^-1.5` on axes of a cosine transform, of unit variance."""
    spectrum = np.arange(1, d + 1) ** -1.5
    scale = np.sqrt(spectrum / spectrum.sum() * d)
    k, i = np.arange(d)[:, None], np.arange(d)[None]
    axes = np.sqrt(2 / d) * np.cos(np.pi * (i + 0.5) * k / d)
    axes[0] /= np.sqrt(2)
    z = jax.random.normal(jax.random.key(seed), (n, d), jnp.float32)
    return np.array(jnp.matmul(z, jnp.asarray(scale[:, None] * axes, jnp.float32), precision="highest"))


def grey_levels(n: int, d: int) -> np.ndarray:
    """n points on the grid of 17 levels from -1 to 1."""
    return np.round(8 * np.clip(image_like(n, d), -1, 1)).astype(np.float32) / 8


def forward(points: np.ndarray, sigma: float, count: int) -> np.ndarray:
    """`y_i + sigma z` for the first points."""
    z = np.random.default_rng(1).standard_normal((count, points.shape[1]))
    return (points[np.arange(count) % len(points)] + sigma * z).astype(np.float32)


def reference(points: torch.Tensor, x: np.ndarray, sigma: float) -> dict:
    """What the posterior at one query is, by direct differences in double precision."""
    query = torch.from_numpy(x.astype(np.float64)).to(points.device)
    blocks = points.split(4096)
    squares = torch.cat([((block.double() - query) ** 2).sum(dim=1) for block in blocks])
    logits = (squares.min() - squares) / (2 * sigma**2)
    w = torch.softmax(logits, dim=0)
    displacement = sum(weight @ (block.double() - query) for weight, block in zip(w.split(4096), blocks))
    mean = displacement + query
    spread = sum(weight @ ((block.double() - mean) ** 2).sum(dim=1) for weight, block in zip(w.split(4096), blocks))
    d = points.shape[1]
    shift = -squares.min() / (2 * sigma**2) - d * np.log(sigma * np.sqrt(2 * np.pi)) - np.log(len(points))
    return {
        "log_prob": float(torch.logsumexp(logits, dim=0) + shift),
        "mean": mean.cpu().numpy(),
        "displacement": displacement.cpu().numpy(),
        "entropy": float(-torch.xlogy(w, w).sum()),
        "participation": float(1 / (w**2).sum()),
        "leader_weight": float(w.max()),
        "spread": float(spread),
    }


# posteriors


@jax.jit
def posterior(x, sigma, score):
    """Ours."""
    return jax.vmap(lambda x: score.posterior(x, dm.NoiseLevel(1.0, sigma)))(x)


def precision_of(score, queries, sigma: float) -> str:
    """In which precision the library takes the energies of the batch: "unknown" where its inner functions have changed,
    as times are worth more than this word.
    """
    try:
        with jax.enable_x64(True):
            one, x = jnp.ones(1), jnp.asarray(queries, jnp.float64)
            found = queries_of(score.centres, x, one, sigma * one, score.reduction.energies)
            return ("double" if found.energies else "single") + (", with moments" if found.moments else "")
    except Exception as fault:
        print(f"    precision unknown: {fault}")
        return "unknown"


def posteriors(book, points: np.ndarray, counts: tuple[int, ...], low: float = 1.5) -> None:
    """Against the one line, at all noise scales; `low` is the largest ratio to hope for at the smallest one."""
    n, d = points.shape
    start = time.perf_counter()
    score = jax.block_until_ready(Empirical(points))
    prepared = time.perf_counter() - start
    exact = torch.from_numpy(points).to(DEVICE)
    y = jax.device_put(points)
    squares = jnp.sum(y * y, axis=1) / 2
    line = jax.jit(one_line)
    for count in counts:
        case, found = f"{count} x {n} x {d}", {}
        for sigma in NOISES:
            queries = forward(points, sigma, count)
            x, noise = jax.device_put(queries), jnp.float32(sigma)
            ways = {
                OURS: lambda x=x, noise=noise: posterior(x, noise, score),
                LINE: lambda x=x, noise=noise: line(x, noise, y, squares),
            }
            first = {name: seconds_of(call) for name, call in ways.items()}
            results = {name: jax.tree.map(np.asarray, call()) for name, call in ways.items()}
            seconds = alternate(ways)
            truths = [reference(exact, each, sigma) for each in queries[:CHECKED]]
            here, energies = f"{case}, sigma {sigma:g}", precision_of(score, queries, sigma)
            errors = errors_of(results[OURS]._asdict(), truths)
            pulled = results[OURS].displacement.astype(np.float64), results[LINE].astype(np.float64) - queries
            for (name, times), displacement in zip(seconds.items(), pulled):
                compiling = max(first[name] - statistics.median(times), 0) if sigma == NOISES[0] else None
                error = relative(displacement, [truth["displacement"] for truth in truths])
                note = f"energies: {energies}" if name == OURS else ""
                book.row(
                    here, name, times, ours_ratio=ratio(seconds, name, OURS), compile_seconds=compiling, error=error
                )
                book.content["rows"][-1]["note"] = note
            found[sigma] = ratio(seconds, OURS, LINE)
            book.entry(case=case, sigma=sigma, energies=energies, **{"diffmem / one line": found[sigma]}, **errors)
        book.goal(case, f"posterior / one line, sigma {NOISES[0]:g}", found.pop(NOISES[0]), most=low)
        book.goal(case, "posterior / one line, larger sigma", max(found.values()), most=1.5)
    book.row(f"{n} x {d}", "a score of points from the host", [prepared])


def relative(found, truths) -> float:
    """The worst query."""
    pairs = zip(found, truths)
    return max(float(np.linalg.norm(one - truth) / np.linalg.norm(truth)) for one, truth in pairs)


def errors_of(found: dict, truths: list[dict]) -> dict[str, float]:
    """The worst query: of the mean relative, of the participation in its logarithm, of the others as they are."""
    errors = {"mean": relative(found["mean"].astype(np.float64), [truth["mean"] for truth in truths])}
    for name in ("log_prob", "entropy", "leader_weight"):
        errors[name] = max(abs(float(found[name][q]) - truth[name]) for q, truth in enumerate(truths))
    parted = [abs(np.log(float(found["participation"][q]) / truth["participation"])) for q, truth in enumerate(truths)]
    errors["log participation"] = max(parted)
    # in units of the squared distance, as it is 0 where one point holds everything
    size = [np.sum(truth["displacement"] ** 2) for truth in truths]
    spreads = [abs(float(found["spread"][q]) - truth["spread"]) / size[q] for q, truth in enumerate(truths)]
    return errors | {"spread / squared distance": float(max(spreads))}


def small_shapes(book, small: bool) -> None:
    """Points that fit into caches."""
    posteriors(book, grey_levels(*((300, 64) if small else (1797, 64))), (64 if small else 1000,))
    posteriors(book, image_like(*((500, 784) if small else (5000, 784))), (32 if small else 256,))


def large_shapes(book, small: bool) -> None:
    """Where points fill the memory."""
    posteriors(book, image_like(*((2000, 784) if small else (50_000, 784))), (16,) if small else (64, 1024), 1.0)


def largest_shape(book, small: bool) -> None:
    """Coloured images."""
    posteriors(book, image_like(*((500, 3072) if small else (50_000, 3072))), (16,) if small else (64,), 1.0)


# samples


def heun_in_double(times, x, y):
    """The same by PyTorch in double precision."""
    x, y = (torch.from_numpy(np.array(part, np.float64)).to(DEVICE) for part in (x, y))
    squares = (y * y).sum(dim=1) / 2

    def denoise(x, sigma):
        return torch.softmax((x @ y.T - squares) / sigma**2, dim=1) @ y

    times = [float(t) for t in times]
    for now, after in zip(times[:-1], times[1:]):  # noqa: RUF007
        slope = (x - denoise(x, now)) / now
        predicted = x + (after - now) * slope
        x = x + (after - now) * (slope + (predicted - denoise(predicted, after)) / after) / 2
    return denoise(x, times[-1]).cpu().numpy()


def samples(book, small: bool) -> None:
    """Heun's method, and its first call."""
    n, d = (300, 784) if small else (5000, 784)
    points = image_like(n, d)
    process, score = dm.processes.EDM(), Empirical(points)
    times = grids.karras(process, steps=STEPS)
    y = jax.device_put(points)
    squares = jnp.sum(y * y, axis=1) / 2
    by_hand = jax.jit(heun_by_hand)
    for count in (8,) if small else (64, 1024):
        case = f"Heun, {count} samples, {n} x {d}"
        start = times[0] * jax.random.normal(jax.random.key(1), (count, d))
        ways = {
            OURS: lambda count=count, start=start: (
                dm.sample(score, process, Heun(), times, (d,), count, key=jax.random.key(0), start=start).points
            ),
            SCAN: lambda start=start: by_hand(times, start, y, squares),
        }
        first = {name: seconds_of(call) for name, call in ways.items()}
        truth = heun_in_double(times, start, points)
        ends = {name: np.linalg.norm(np.asarray(call()) - truth, axis=1) for name, call in ways.items()}
        away = {name: float(np.mean(each > 1e-3)) for name, each in ends.items()}
        seconds = alternate(ways)
        for name, each in seconds.items():
            compiling = max(first[name] - statistics.median(each), 0)
            numbers = {"ours_ratio": ratio(seconds, name, OURS), "compile_seconds": compiling, "error": away[name]}
            book.row(case, name, each, **numbers)
            book.row(case, f"{name}, first call", [first[name]])
        book.goal(case, "time / scan by hand", ratio(seconds, OURS, SCAN), most=2)
        book.goal(case, "seconds of the first call", first[OURS], most=12)
        book.goal(case, "share of samples that end elsewhere than in double precision", away[OURS], most=0)


# neighbours


def neighbours(book, small: bool) -> None:
    """The two nearest of the training points."""
    count, n, d = (200, 1000, 256) if small else (5000, 50_000, 3072)
    train = image_like(n, d)
    queries = forward(train, 0.5, count)
    exact = torch.from_numpy(train).to(DEVICE)
    truth = np.stack([nearest_in_double(exact, x) for x in queries[:50]])

    def by_torch(x, y):
        return torch.cat([torch.cdist(block, y).topk(2, largest=False).indices for block in x.split(1024)])

    x = torch.from_numpy(queries).to(DEVICE)
    held = jax.device_put(queries), jax.device_put(train)
    hosted = f"{OURS}, from the host"
    ways = {
        OURS: lambda: metrics.nearest(*held, k=2).index,
        hosted: lambda: metrics.nearest(queries, train, k=2).index,
        "PyTorch, from the host": lambda: by_torch(
            torch.from_numpy(queries).to(DEVICE), torch.from_numpy(train).to(DEVICE)
        ).cpu(),
        "PyTorch, on the device": lambda: by_torch(x, exact).cpu(),
    }
    first = {name: seconds_of(call) for name, call in ways.items()}
    wrong = {name: float(np.mean(np.any(np.asarray(call())[:50] != truth, axis=1))) for name, call in ways.items()}
    seconds = alternate(ways)
    case = f"nearest, {count} x {n} x {d}"
    for name, each in seconds.items():
        compiling = max(first[name] - statistics.median(each), 0)
        numbers = {"ours_ratio": ratio(seconds, name, OURS), "compile_seconds": compiling, "error": wrong[name]}
        book.row(case, name, each, **numbers)
    book.goal(case, "time / PyTorch, from the host", ratio(seconds, hosted, "PyTorch, from the host"), most=2)
    book.goal(case, "time / PyTorch, on the device", ratio(seconds, OURS, "PyTorch, on the device"), most=2)
    book.goal(case, "share of samples out of order", max(wrong[OURS], wrong[hosted]), most=0)


def nearest_in_double(points: torch.Tensor, x: np.ndarray) -> np.ndarray:
    """The two nearest by direct differences."""
    query = torch.from_numpy(x.astype(np.float64)).to(points.device)
    squares = torch.cat([((block.double() - query) ** 2).sum(dim=1) for block in points.split(4096)])
    return squares.topk(2, largest=False).indices.cpu().numpy()


# training

LOW, HIGH, BATCH, WIDTH, D = 0.1, 3.0, 128, 128, 8


def steps_of_training(book, small: bool) -> None:
    """Steps a second of denoising score matching with Adam, the network of `training_steps.py`."""
    steps, eager_steps = (50, 10) if small else (16_000, 1000)
    points = np.random.default_rng(0).normal(size=(64, D)).astype(np.float32)
    network = networks.ResidualMLP(D, WIDTH, key=jax.random.key(0))
    score = Learned(network, predictions.Preconditioned(1.0), ratios=(LOW, HIGH))
    objective = training.ScoreMatching(training.LogUniform(LOW, HIGH), training.weights.EDM(1.0))
    options = {"key": jax.random.key(0), "steps": steps, "batch": BATCH, "snapshots": 1}
    shown = jnp.asarray(points)
    ways = {OURS: lambda: training.fit(score, shown, objective, **options).loss}
    places = {"PyTorch, eager": DEVICE} if DEVICE == "cpu" else {"PyTorch, eager": DEVICE, "PyTorch, eager, CPU": "cpu"}
    for name, place in places.items():
        ways[name] = lambda place=place: eager(torch_network(network).to(place), points, eager_steps, place)
    first = {name: seconds_of(call) for name, call in ways.items()}
    case, rates = f"training, width {WIDTH}, d = {D}", {}
    for name, call in ways.items():
        done = steps if name == OURS else eager_steps
        seconds = [seconds_of(call) for _ in range(3 if name == OURS else 2)]
        rates[name] = done / statistics.median(seconds)
        compiling = max(first[name] - statistics.median(seconds), 0) if name == OURS else None
        book.row(case, f"{name}, 1,000 steps", [each * 1000 / done for each in seconds], compile_seconds=compiling)
    book.entry(case=case, **{f"{name}, steps a second": rate for name, rate in rates.items()})
    book.goal(case, "steps a second", rates[OURS], least=18_000)
    fastest = max(rate for name, rate in rates.items() if name != OURS)
    book.goal(case, "steps a second / those of the eager loop", rates[OURS] / fastest, least=3)


def torch_network(network):
    """The same network, weights included, in PyTorch."""

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
            self.register_buffer("waves", 2.0 ** torch.arange(-2, 2))

        def forward(self, x, noise):
            angles = noise[:, None] * self.waves
            context = torch.cat([noise[:, None] / 4, torch.sin(angles), torch.cos(angles)], dim=1)
            h = torch.nn.functional.silu(self.layers[0](torch.cat([x, context], dim=1)))
            for layer in self.layers[1:-1]:
                h = h + torch.nn.functional.silu(layer(torch.cat([h, context], dim=1)))
            return self.layers[-1](h)

    return Network()


def eager(network, points: np.ndarray, steps: int, place: str) -> None:
    """The usual loop; the loss is read at the end."""
    y = torch.from_numpy(points).to(place)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    total = torch.zeros((), device=place)
    for _ in range(steps):
        x0 = y[torch.randint(len(y), (BATCH,), device=place)]
        sigma = LOW * (HIGH / LOW) ** torch.rand(BATCH, 1, device=place)
        x, scale = x0 + sigma * torch.randn_like(x0), (1 + sigma**2).sqrt()
        found = (x / scale + sigma * network(x / scale, sigma.log()[:, 0])) / scale
        loss = ((found - x0) ** 2 * (1 + 1 / sigma**2)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.detach()
    total.item()


# the machine


def machine() -> dict:
    """What a reader must know of where the numbers come from."""
    packages = ("jax", "jaxlib", "equinox", "diffrax", "optax", "xarray", "torch", "numpy")
    device = jax.devices()[0]
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "device": f"{device.platform}: {device.device_kind}",
        "blas": "unknown",
        "versions": {"diffmem": dm.__version__} | {name: version(name) for name in packages},
        "commit": commit(),
    }


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def version(package: str) -> str | None:
    """None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """The commit of the checkout, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def plain(value):
    """A number as JSON has it: no infinity, no NaN, no NumPy."""
    if value is None or isinstance(value, str):
        return value
    value = float(value)
    return value if np.isfinite(value) else None


PARTS = {
    "samples": samples,
    "large shapes": large_shapes,
    "largest shape": largest_shape,
    "small shapes": small_shapes,
    "training": steps_of_training,
    "neighbours": neighbours,
}

if __name__ == "__main__":
    main()
