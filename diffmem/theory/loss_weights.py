"""What an error of the denoiser counts in the losses of other targets: the weight of `|D - x_0|^2` at a noise level."""

from jaxtyping import Array, Float

from ..level import NoiseLevel, cast_level, cast_rate, float_dtype


def noise_loss_weight(level: NoiseLevel) -> Float[Array, "*levels"]:
    """`alpha^2/sigma^2`: the loss of the noise prediction, `E|z_hat - z|^2`, is this times the loss of x_0.

    Derived: at given x the prediction is `z_hat = (x - alpha D)/sigma`. 0 at alpha = 0, infinite at sigma = 0.
    """
    alpha, sigma = cast_level(level, float_dtype(*level))
    return (alpha / sigma) ** 2


def score_loss_weight(level: NoiseLevel) -> Float[Array, "*levels"]:
    """`alpha^2/sigma^4`: the loss of the score, `E|s + z/sigma|^2`, is this times the loss of x_0.

    Derived from `s = -z_hat/sigma`. 0 at alpha = 0, infinite at sigma = 0.
    """
    alpha, sigma = cast_level(level, float_dtype(*level))
    # not over sigma^2, which may vanish: XLA would put two divisions together
    inverse = 1 / sigma
    return (alpha * inverse * inverse) ** 2


def velocity_loss_weight(level: NoiseLevel, rate: NoiseLevel) -> Float[Array, "*levels"]:
    """`(alpha' - alpha sigma'/sigma)^2`: the loss of the velocity `alpha' x_0 + sigma' z` is this times the loss of
    x_0.

    `rate` is (alpha', sigma') at the times of `level`, as `process.rate` gives it. Derived: the velocity is
    `sigma' x/sigma + (alpha' - alpha sigma'/sigma) D`. alpha'^2 at alpha = 0, infinite at sigma = 0.
    """
    alpha, sigma = cast_level(level, float_dtype(*level))
    alpha_rate, sigma_rate = cast_rate(rate, alpha.dtype)
    return (alpha_rate - alpha * sigma_rate / sigma) ** 2
