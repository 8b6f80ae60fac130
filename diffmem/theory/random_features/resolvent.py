"""The spectrum of random features of noisy Gaussian data.

p features `f(W x_t/sqrt(d))` of n points in d dimensions, averaged over all noise of each point (m = infinity draws),
have the second moment `U = (1/n) sum_i E f f^T`. The results hold in the limit of large d at fixed `psi_p = p/d`,
`psi_n = n/d`; the data have covariance Sigma with Tr Sigma = d. Computed in NumPy, float64.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Complex, Float, Num

from ...annotations import Number, Numbers
from ...checks import check_positive
from ...representation import one_line
from ..points import checked_spectrum
from .activation import ActivationMoments

HEIGHT = 100.0  # imaginary part at which the continuation starts, in units of the largest eigenvalue
STEP = 0.5  # largest step of the continuation in the logarithm of the imaginary part
LOWEST = 1e-9  # smallest imaginary part before the last step to z itself, in units of the largest eigenvalue
ITERATIONS, ACCURACY = 60, 1e-12  # of Newton's method


class Resolvent(NamedTuple):
    """Normalised traces of the resolvent `(U - z)^-1`, from which all spectral quantities follow."""

    q: Complex[np.ndarray, "*z"]
    """`Tr (U - z)^-1 / p`."""
    r: Complex[np.ndarray, "*z"]
    """`Tr Sigma W^T (U - z)^-1 W / (p d)`."""
    s: Complex[np.ndarray, "*z"]
    """`Tr W^T (U - z)^-1 W / (p d)`; equal to r for Sigma = I."""
    slopes: tuple[Complex[np.ndarray, "*z"], Complex[np.ndarray, "*z"], Complex[np.ndarray, "*z"]]
    """dq/dz, dr/dz, ds/dz."""
    noise_slope: Complex[np.ndarray, "*z"]
    """ds/d(b^2), the other moments fixed: `-Tr [W^T (U - z)^-1 W/d]^2 / p`."""

    __repr__ = one_line


def resolvent(
    z: Num[ArrayLike, "*z"], psi_p: Number, psi_n: Number, moments: ActivationMoments, spectrum: Numbers | None = None
) -> Resolvent:
    """The resolvent traces of U in the limit of large d, for z in the upper half-plane or on the real line below U.

    With `k = 1/(1 + (psi_p/psi_n)(a^2 alpha^2 r + v^2 q))` and `D(l) = b^2 psi_p + 1/q + l psi_p a^2 alpha^2 k`, the
    root of

        r = <l/D>,   s = <1/D>,   s^2_floor - z + v^2 k - 1/q + (1/q - s/q^2)/psi_p = 0

    that behaves as -1/z at large imaginary parts; <.> is the mean over the eigenvalues l of Sigma, and s^2_floor is the
    `floor` of `moments`. It is followed by Newton's method from a large imaginary part down to z. `spectrum` holds
    eigenvalues of Sigma with mean 1, which are equally frequent; without it Sigma = I.

    Accuracy: 1e-12 relative away from edges of the spectrum. Cost: about 60 ms for a thousand z.
    Raises ValueError where a ratio is not positive, an imaginary part is negative, or the spectrum has another mean
    than 1, and ArithmeticError where Newton's method fails (z on the spectrum itself).
    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.1; the derivatives: implicit.
    """
    z, variances = _checked(z, psi_p, psi_n, spectrum)
    scale = moments.nonlinear * (1 + psi_p / psi_n)
    scale += moments.slope**2 * variances.max() * max(1.0, moments.gamma**2) * (1 + psi_p + psi_p / psi_n)
    # U is positive: below 0 the distance to its spectrum is at least |z|
    distance = np.where(z.real < 0, np.abs(z), z.imag)
    lowest = min(max(float(distance.min(initial=scale)), LOWEST * scale), scale)
    rungs = np.geomspace(HEIGHT * scale, lowest, 2 + math.ceil(math.log(HEIGHT * scale / lowest) / STEP))
    q = r = -1 / (z + 1j * rungs[0])
    system = _System(psi_p, psi_n, moments, variances)
    for height in (*rungs, 0.0):
        q, r = _newton(system, z + 1j * height, q, r)
    return system.solution(q, r)


class _System(NamedTuple):
    """The two equations for (q, r), with their derivatives."""

    psi_p: Number
    psi_n: Number
    moments: ActivationMoments
    variances: Float[np.ndarray, "k"]

    def parts(self, q, r):
        """s, r - <l/D>, the second equation without -z, and the derivatives of the three by (q, r, b^2)."""
        a2, v2, ratio = self.moments.signal, self.moments.conditional, self.psi_p / self.psi_n
        k = 1 / (1 + ratio * (a2 * r + v2 * q))
        k_q, k_r = -(k**2) * ratio * v2, -(k**2) * ratio * a2
        l = self.variances
        inverse = 1 / ((self.moments.noise * self.psi_p + 1 / q)[..., None] + l * (self.psi_p * a2 * k)[..., None])
        powers = [(l**j * inverse**2).mean(-1) for j in range(3)]
        s, first = inverse.mean(-1), r - (l * inverse).mean(-1)
        second = self.moments.floor + v2 * k - 1 / q + (1 / q - s / q**2) / self.psi_p
        gains = self.psi_p * a2 * k_q, self.psi_p * a2 * k_r
        s_d = powers[0] / q**2 - powers[1] * gains[0], -powers[1] * gains[1], -powers[0] * self.psi_p
        first_d = -powers[1] / q**2 + powers[2] * gains[0], 1 + powers[2] * gains[1], powers[1] * self.psi_p
        outer = (-1 / q**2 + 2 * s / q**3) / self.psi_p + v2 * k_q + 1 / q**2
        second_d = outer - s_d[0] / q**2 / self.psi_p, v2 * k_r - s_d[1] / q**2 / self.psi_p
        return s, first, second, s_d, first_d, (*second_d, -s_d[2] / q**2 / self.psi_p)

    def solution(self, q, r) -> Resolvent:
        """All traces and their derivatives at the root (q, r)."""
        s, _, _, s_d, first_d, second_d = self.parts(q, r)
        by_z = _solve(first_d, second_d, 0 * q, 1 + 0 * q)
        by_noise = _solve(first_d, second_d, -first_d[2], -second_d[2])
        slopes = (*by_z, s_d[0] * by_z[0] + s_d[1] * by_z[1])
        return Resolvent(q, r, s, slopes, s_d[2] + s_d[0] * by_noise[0] + s_d[1] * by_noise[1])


def _newton(system: _System, z, q, r):
    for _ in range(ITERATIONS):
        _, first, second, _, first_d, second_d = system.parts(q, r)
        dq, dr = _solve(first_d, second_d, -first, z - second)
        q, r = q + dq, r + dr
        if np.all(np.abs(dq) + np.abs(dr) <= ACCURACY * (np.abs(q) + np.abs(r))):
            return q, r
    raise ArithmeticError("`z` must lie off the edges of the spectrum, but Newton's method did not converge there.")


def _solve(top, bottom, first, second):
    """The solution of a 2 x 2 linear system at every z."""
    determinant = top[0] * bottom[1] - top[1] * bottom[0]
    return (first * bottom[1] - second * top[1]) / determinant, (top[0] * second - bottom[0] * first) / determinant


def spectral_density(
    x: Float[ArrayLike, "*x"],
    psi_p: Number,
    psi_n: Number,
    moments: ActivationMoments,
    spectrum: Numbers | None = None,
    height: float = 1e-9,
) -> Float[np.ndarray, "*x"]:
    """Density of the eigenvalues of U at x, `Im q(x + i height)/pi`; its mass is 1 - `spectral_atom`.

    Accuracy: that of `resolvent` away from edges, which `height` blurs. The atom at the floor s^2 adds the tail
    `height/(pi (x - s^2)^2)` times its mass, so that x should be ten thousand heights away from it.
    Raises ValueError and ArithmeticError as `resolvent`.
    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.1.
    """
    x = np.asarray(x, np.float64)
    return np.asarray(resolvent(x + 1j * height, psi_p, psi_n, moments, spectrum).q.imag / math.pi)


def spectral_atom(psi_p: Number, psi_n: Number) -> float:
    """Share of the eigenvalues of U that equal the floor s^2: `max(0, 1 - (1 + psi_n)/psi_p)`, that is p - n - d of p.

    Source: Bonnaire et al., arXiv:2505.17638, Theorem 3.2; exact at finite size for the Gaussian equivalent, whose
    U - s^2 has rank n + d.
    """
    check_ratios(psi_p, psi_n)
    return max(0.0, 1 - (1 + psi_n) / psi_p)


def check_ratios(psi_p: Number, psi_n: Number) -> None:
    """Raise ValueError unless both ratios are positive and finite."""
    for name, value in (("psi_p", psi_p), ("psi_n", psi_n)):
        check_positive(name, value)


def _checked(z, psi_p: Number, psi_n: Number, spectrum):
    """z as complex NumPy numbers, and the eigenvalues of Sigma."""
    check_ratios(psi_p, psi_n)
    z = np.asarray(z, np.complex128)
    if not (np.isfinite(z).all() and (z.imag >= 0).all()):
        raise ValueError(f"`z` must be finite with imaginary parts of at least 0, but is {z}.")
    variances = np.ones(1) if spectrum is None else checked_spectrum(spectrum)
    if not abs(variances.mean() - 1) < 1e-9:
        raise ValueError(f"`spectrum` must have mean 1, but has {variances.mean()}.")
    return z, variances
