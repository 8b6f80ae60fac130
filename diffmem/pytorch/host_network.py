"""A PyTorch network as functions of NumPy batches: its answer, and the products of its Jacobian."""

# PyTorch is an optional dependency, which a type checker may not find
# pyright: reportMissingImports=false

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np


class HostNetwork(NamedTuple):
    """`model(x, time(alpha, sigma), **condition)` on batches of NumPy arrays."""

    model: Callable[..., Any]
    time: Callable[..., np.ndarray]
    condition: Mapping[str, Any]

    # two of them are one where their parts are the same objects, so that JAX compiles once
    __hash__ = object.__hash__

    def answer(self, x: np.ndarray, alpha: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """What the network answers."""
        import torch

        function, points = self._function(x, alpha, sigma)
        with self._evaluated(), torch.no_grad():
            return _to_numpy(function(points))

    def vjp(self, x: np.ndarray, alpha: np.ndarray, sigma: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """`direction` times the Jacobian of the answer in x."""
        import torch

        function, points = self._function(x, alpha, sigma)
        with self._evaluated():
            return _to_numpy(torch.func.vjp(function, points)[1](_like(direction, points))[0])

    def jvp(self, x: np.ndarray, alpha: np.ndarray, sigma: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The Jacobian of the answer in x times `direction`."""
        import torch

        function, points = self._function(x, alpha, sigma)
        # fused attention has no forward derivative
        attention = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
        with self._evaluated(), torch.no_grad(), attention:
            return _to_numpy(torch.func.jvp(function, (points,), (_like(direction, points),))[1])

    def _function(self, x, alpha, sigma):
        """The network as a function of x alone, and x as a tensor of its precision and device."""
        import torch

        like = next((one for one in _parameters(self.model) if one.is_floating_point()), torch.zeros(()))
        points = _like(x, like)
        told = torch.from_numpy(np.array(self.time(alpha, sigma)))
        told = told.to(like.device) if not told.is_floating_point() else told.to(like)
        condition = {name: _for_each_row(value, len(x), like) for name, value in self.condition.items()}

        def function(points):
            answer = self.model(points, told, **condition)
            answer = answer[0] if isinstance(answer, tuple) else getattr(answer, "sample", answer)
            return answer[:, : points.shape[1]]

        return function, points

    @contextmanager
    def _evaluated(self):
        """The network with dropout off, and as it was afterwards."""
        modules = list(self.model.modules()) if getattr(self.model, "modules", None) else []
        # each has a mode of its own: a frozen part may stay in evaluation while the others train
        training = [module for module in modules if module.training]
        if training:
            self.model.eval()
        try:
            yield
        finally:
            for module in training:
                module.training = True


def _parameters(model):
    return model.parameters() if getattr(model, "parameters", None) else iter(())


def _for_each_row(value, rows, like):
    import torch

    if not isinstance(value, torch.Tensor):
        return value
    value = value.to(like) if value.is_floating_point() else value.to(like.device)
    return value.expand(rows, *value.shape[1:]) if value.ndim and value.shape[0] == 1 else value


def _like(values, like):
    import torch

    return torch.from_numpy(np.array(values, np.float64 if like.dtype == torch.float64 else np.float32)).to(like)


def _to_numpy(tensor):
    return tensor.detach().cpu().double().numpy()
