"""JAX's persistent compilation cache: a command uses what an earlier one has compiled."""

import os
from collections.abc import MutableMapping
from pathlib import Path

SWITCH = "DIFFMEM_COMPILATION_CACHE"
"""Environment variable: a folder for the cache, or 0 for none."""


def keep_compiled(environment: MutableMapping[str, str] = os.environ) -> Path | None:
    """Set the folder of JAX's compilation cache, before JAX is loaded; return it, or None for no cache.

    `DIFFMEM_COMPILATION_CACHE` is the folder (default: `diffmem/compiled` in the user's cache folder) or 0. A cache
    that the user has set for JAX itself (`JAX_COMPILATION_CACHE_DIR`) is left as it is. Worker processes use the same
    folder. It may be deleted at any time.
    """
    wanted = environment.get(SWITCH, "")
    if "JAX_COMPILATION_CACHE_DIR" in environment or wanted in ("0", "off", "no"):
        return None
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(wanted).expanduser() if wanted else Path(home) / "diffmem" / "compiled"
    environment["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    # by default JAX keeps only functions that took a second to compile
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    return folder
