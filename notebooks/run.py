"""Execute every notebook: as it is and in place, or at smoke scale (DIFFMEM_SMOKE=1) without writing anything."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def run(path: Path, write: bool) -> None:
    """Execute one notebook; its outputs are kept only when `write`."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": HERE}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    if write:
        nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(HERE.glob("*.ipynb")):
        print(f"running {Path(name).name}", flush=True)
        run(Path(name), write=os.environ.get("DIFFMEM_SMOKE") != "1")
