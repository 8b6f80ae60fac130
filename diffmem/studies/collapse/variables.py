"""Long names and units of the variables of a collapse study."""

from collections.abc import Mapping

import xarray as xr

VARIABLES = {
    "n": ("number of training points", "count"),
    "d": ("dimension of the data", "count"),
    "t": ("diffusion time", "dimensionless"),
    "ratio": ("noise-to-signal ratio sigma/alpha at t", "data units"),
    "reduction": ("how the data were brought to d dimensions", "text"),
    "participation": ("effective number of training points 1/sum w^2 in the posterior, mean over queries", "count"),
    "entropy": ("entropy of the posterior weights, mean over queries", "nats"),
    "own_weight": ("posterior weight of the query's own training point, mean over queries", "1"),
    "leader_weight": ("largest posterior weight, mean over queries", "1"),
    "memorized": ("fraction of denoised states D(x_t) that are copies, d1/d2 < 1/3", "1"),
    "measured": ("collapse time: mean own weight of forward samples is 1/2", "dimensionless"),
    "measured_low": ("lower end of the 95 % interval of the collapse time, over points or sets", "dimensionless"),
    "measured_high": ("upper end of the 95 % interval of the collapse time, over points or sets", "dimensionless"),
    "measured_ratio": ("sigma/alpha at the measured collapse time", "data units"),
    "measured_ratio_low": ("lower end of the 95 % interval of measured_ratio", "data units"),
    "measured_ratio_high": ("upper end of the 95 % interval of measured_ratio", "data units"),
    "measured_deviation": ("standard deviation of log measured_ratio between training sets", "1"),
    "predicted": ("collapse time predicted from the covariance spectrum", "dimensionless"),
    "predicted_ratio": ("sigma/alpha predicted from the covariance spectrum", "data units"),
    "predicted_mc": ("collapse time predicted from the mutual information by Monte Carlo", "dimensionless"),
    "predicted_mc_error": ("standard error of predicted_mc, without its bias at small n", "dimensionless"),
    "predicted_mc_ratio": ("sigma/alpha predicted from the mutual information by Monte Carlo", "data units"),
    "predicted_mc_ratio_error": ("standard error of predicted_mc_ratio", "data units"),
    "generated": ("fraction of generated samples that are copies, d1/d2 < 1/3", "1"),
    "generated_low": ("lower end of the 95 % Wilson interval of generated", "1"),
    "generated_high": ("upper end of the 95 % Wilson interval of generated", "1"),
    "example": ("generated samples, the first of each cell", "data units"),
    "example_neighbour": ("nearest training point of each example", "data units"),
    "example_distance": ("distance d1 of each example to its nearest training point", "data units"),
    "example_distance_ratio": ("d1/d2 of each example", "1"),
}

# the variables of one cell; coordinates and the prediction from the spectrum are added to the whole
OF_THE_WHOLE = {"n", "d", "t", "ratio", "reduction", "measured_deviation", "predicted", "predicted_ratio"}
MEASURED = tuple(name for name in VARIABLES if name not in OF_THE_WHOLE)


def described(dataset: xr.Dataset, variables: Mapping[str, tuple[str, str]] = VARIABLES) -> xr.Dataset:
    """The dataset with `long_name` and `units` on every variable and coordinate."""
    for name in (*dataset.coords, *dataset.data_vars):
        long_name, units = variables[str(name)]
        dataset[name].attrs = {"long_name": long_name, "units": units}
    return dataset
