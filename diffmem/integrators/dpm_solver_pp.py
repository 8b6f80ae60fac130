"""Multistep DPM-Solver++ of second and third order."""

from .multistep import AbstractMultistep, exponential_moments


class DPMSolverPP(AbstractMultistep):
    """Multistep DPM-Solver++ with data prediction, on h = lambda_b - lambda_a and lambda = log(alpha/sigma).

        order 2:  x_b = (s_b/s_a) x + a_b (1 - e^-h) (D + D1/2),       D1 = (D - D_-1)/r0
        order 3:  x_b = (s_b/s_a) x + a_b ((1 - e^-h) D + phi2 D1 - phi3 D2)

    with r0 = (lambda_a - lambda_-1)/h, r1 = (lambda_-1 - lambda_-2)/h, first differences d0 = (D - D_-1)/r0, d1 = (D_-1
    - D_-2)/r1, D1 = d0 + (d0 - d1) r0/(r0 + r1), D2 = 2 (d0 - d1)/(r0 + r1), phi2 = (e^-h - 1)/h + 1, phi3 = phi2/h -
    1/2. The 2 in D2 makes it h^2 D'', as the expansion requires; without it the method is of second order. One
    evaluation a step. Source: Lu et al., arXiv:2211.01095, algorithm 2 and appendix; the factor: derived, from the
    Taylor expansion of D.
    """

    order: int = 2

    def __check_init__(self):
        if self.order not in (2, 3):
            raise ValueError(f"`order` must be 2 or 3, but is {self.order}.")

    def correction(self, h, offsets, denoised, past):
        """The terms beyond (1 - e^-h) D."""
        j0, j1, j2 = exponential_moments(h, 3)
        r0 = -offsets[0] / h
        d0 = (denoised - past[0]) / r0
        if len(offsets) == 1:
            return j0 * d0 / 2
        r1 = (offsets[0] - offsets[1]) / h
        d1 = (past[0] - past[1]) / r1
        first = d0 + (d0 - d1) * r0 / (r0 + r1)
        second = 2 * (d0 - d1) / (r0 + r1)
        # phi2 = j1/h and phi3 = -j2/(2 h^2), without their cancellation for small h
        return j1 / h * first + j2 / (2 * h**2) * second
