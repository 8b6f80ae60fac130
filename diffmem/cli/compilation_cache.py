"""What a command compiled once is kept for the next one."""

import os
from collections.abc import MutableMapping
from pathlib import Path

SWITCH = "DIFFMEM_COMPILATION_CACHE"
"""Environment variable: a folder for the cache, or 0 for none."""


def keep_compiled(environment: MutableMapping[str, str] = os.environ) -> Path | None:
    """Name JAX's persistent compilation cache, before JAX is loaded; the folder, or None where there is none.

    `DIFFMEM_COMPILATION_CACHE` is the folder (default: `diffmem/compiled` in the user's cache folder) or 0. A cache
    that the user has given to JAX itself (`JAX_COMPILATION_CACHE_DIR`) stays. Workers inherit it. It may be deleted at
    any time.
    """
    wanted = environment.get(SWITCH, "")
    if "JAX_COMPILATION_CACHE_DIR" in environment or wanted in ("0", "off", "no"):
        return None
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(wanted).expanduser() if wanted else Path(home) / "diffmem" / "compiled"
    environment["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    # by default JAX keeps only what took a second
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    return folder
