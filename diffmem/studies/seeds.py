"""Seeds: which whole numbers stand for randomness."""

LARGEST_SEED = 2**31 - 1  # seeds beyond would lose bits in 32-bit integers


def check_seed(seed: int) -> None:
    """Raise ValueError unless the seed is one that every precision tells from all others."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` must be between 0 and {LARGEST_SEED}, but is {seed}.")
