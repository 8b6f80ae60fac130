"""A network of diffusers and its scheduler, as a score and a process."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from ..processes import AbstractProcess, Discrete, FlowMatching
from ..scores import FromHost
from ..tensors import read_tensor
from .from_torch import from_torch, needed, table_of

PREDICTS = {"epsilon": "noise", "sample": "x0", "v_prediction": "v", "flow_prediction": "velocity"}
"""What diffusers calls the answer of a network, and what it is called here."""


def from_diffusers(
    unet: Any, scheduler: Any, *, condition: Mapping[str, Any] | None = None
) -> tuple[FromHost, AbstractProcess]:
    """A network of diffusers as a pair `(score, process)`: `score, process = diffmem.from_diffusers(unet, scheduler)`.

    Reads what the scheduler says of the training: `config.prediction_type` ("epsilon", "sample", "v_prediction" or
    "flow_prediction") and the table `alphas_cumprod`, which becomes `processes.Discrete`: step number t is time t + 1.
    The network is called as `unet(x, t)` with the nearest step t. Flow-matching schedulers
    (`FlowMatchEulerDiscreteScheduler` and those with `use_flow_sigmas`) give `processes.FlowMatching`, whose network is
    called with t = sigma times `config.num_train_timesteps` and answers `noise - x_0`. Points are channels-first images
    (channels, height, width) in the scale of the network: pixels from -1 to 1, or latents.

    `condition` holds further arguments by name, such as `{"encoder_hidden_states": embedding}` (1, tokens, d) or
    `{"class_labels": torch.tensor([3])}`. A guided score is `scores.Guided(named, empty, weight)` of two conditions.
    `scheduler_times(scheduler)` gives the scheduler's own steps as times of the process. Everything else, also the
    errors, is as in `from_torch`.

    Raises ValueError for a scheduler without a table that is none of flow matching, and for another prediction type.
    """
    needed("torch")
    process = _process_of(scheduler)
    if isinstance(process, Discrete):
        kind = scheduler.config.prediction_type
        if kind not in PREDICTS:
            raise ValueError(f"`scheduler` must predict one of {', '.join(PREDICTS)}, but predicts {kind!r}.")
        return from_torch(unet, predicts=PREDICTS[kind], schedule=process, condition=condition)
    steps = scheduler.config.num_train_timesteps
    time = lambda alpha, sigma: steps * np.asarray(sigma / (alpha + sigma), np.float64)  # noqa: E731
    return from_torch(unet, predicts="velocity", schedule=process, time=time, condition=condition)


def scheduler_times(scheduler: Any) -> Float[Array, "nodes"]:
    """The steps of a scheduler after `set_timesteps`, as times of its process: a grid for `sample`, from noise to data.

    The last node is where the last step ends, at sigma = 0 unless the scheduler says otherwise. Raises ValueError
    where fewer than two distinct times are left, and as `from_diffusers`.
    """
    import jax.numpy as jnp

    process = _process_of(scheduler)
    sigmas = getattr(scheduler, "sigmas", None)
    if isinstance(process, FlowMatching):
        times = read_tensor(sigmas)
    elif sigmas is not None and len(sigmas) == len(scheduler.timesteps) + 1:
        times = np.asarray(process.time_at(np.asarray(read_tensor(sigmas), np.float64)))
    else:
        final = float(getattr(scheduler, "final_alpha_cumprod", 1.0))
        last = 0.0 if final == 1 else float(process.time_at(np.sqrt(1 / final - 1)))
        times = np.append(np.asarray(read_tensor(scheduler.timesteps), np.float64) + 1, last)
    times = np.unique(np.asarray(times))[::-1]
    if len(times) < 2:
        raise ValueError("`scheduler` must have two or more distinct steps; call its `set_timesteps` first.")
    return jnp.asarray(times.copy())


def _process_of(scheduler) -> AbstractProcess:
    flow = "FlowMatch" in type(scheduler).__name__ or getattr(scheduler.config, "use_flow_sigmas", False)
    if flow or getattr(scheduler.config, "prediction_type", None) == "flow_prediction":
        return FlowMatching(t_min=1 / scheduler.config.num_train_timesteps)
    table = getattr(scheduler, "alphas_cumprod", None)
    if table is None:
        name = type(scheduler).__name__
        raise ValueError(f"`scheduler` must have a table `alphas_cumprod` or be one of flow matching, but is {name}.")
    return Discrete(table_of(table))
