"""What `print` shows of a result or a score: its names and sizes on one line, not its arrays."""

import dataclasses

import equinox as eqx
import jax
import numpy as np

LONGEST = 120  # characters of one field; a longer one is shown by the name of its type


def one_line(self: object) -> str:
    """`Name(field=..., ...)` of a module or a named tuple: a `__repr__` to use as `__repr__ = one_line`.

    A number is shown to four digits, an array by its dtype and shape (`f32[64]`), everything else by its own `repr`.
    Fields that are private or declared with `eqx.field(repr=False)` are left out.
    """
    if dataclasses.is_dataclass(self):
        names = [field.name for field in dataclasses.fields(self) if field.repr and not field.name.startswith("_")]
    else:
        assert isinstance(self, tuple)
        names = self._fields  # pyright: ignore[reportAttributeAccessIssue]
    return f"{type(self).__name__}({', '.join(f'{name}={_brief(getattr(self, name))}' for name in names)})"


def _brief(value: object) -> str:
    array = isinstance(value, (jax.Array, np.ndarray, np.generic))
    if isinstance(value, float) or (array and np.shape(value) == () and not isinstance(value, jax.core.Tracer)):
        number = np.asarray(value).item()
        return f"{number:.4g}" if isinstance(number, float) else str(number)
    if isinstance(name := getattr(value, "__name__", None), str):  # a function, a class
        return name
    own = type(value).__repr__ is not eqx.Module.__repr__ and isinstance(value, (eqx.Module, tuple))
    text = repr(value) if own else eqx.tree_pformat(value, width=10**6).replace("(numpy)", "")
    return text if len(text) <= LONGEST else f"{type(value).__name__}(...)"
