"""How a Gibbs sum over centres is computed, apart from what it means: `Empirical(points, reduction=...)`."""

from .auto import Auto as Auto
from .base import AbstractReduction as AbstractReduction
from .base import Gibbs as Gibbs
from .base import Posterior as Posterior
from .centres import AnyCentres as AnyCentres
from .centres import Centres as Centres
from .centres import centred as centred
from .chunked import Chunked as Chunked
from .dense import Dense as Dense
from .details import covariance as covariance
from .details import covariance_vector as covariance_vector
from .details import heaviest as heaviest
from .details import weight_at as weight_at
from .generated import Generated as Generated
from .gibbs import gibbs as gibbs
from .merge import merge as merge
from .screened import Screened as Screened
from .sharded import Sharded as Sharded
