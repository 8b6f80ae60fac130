"""Execute every notebook: as it is and in place, or at smoke scale (DIFFMEM_SMOKE=1), two at a time, without writing.

`python notebooks/run.py [NOTEBOOK...]` executes; with `--pictures` it executes nothing and only makes the small
pictures of the index (notebooks/README.md) again, each from the first image of the cell that is tagged "picture".
"""

import argparse
import base64
import io
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
SIZE = 560, 300  # pixels that a picture in the index fits into
PNG = "image/png"


def run(path: Path, write: bool) -> None:
    """Execute one notebook; its outputs are kept, with compressed images, only when `write`."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": HERE}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for data in images(cell):
            data[PNG] = base64.b64encode(compressed(Image.open(io.BytesIO(base64.b64decode(data[PNG]))))).decode()
    if write:
        nbformat.write(notebook, path)
        save_picture(path)


def save_picture(path: Path) -> None:
    """The picture of one notebook in the index, made from its outputs."""
    cells = nbformat.read(path, as_version=4).cells
    (chosen,) = [cell for cell in cells if "picture" in cell.metadata.get("tags", ())]
    image = Image.open(io.BytesIO(base64.b64decode(images(chosen)[0][PNG]))).convert("RGB")
    image.thumbnail(SIZE, Image.Resampling.LANCZOS)
    (HERE / "pictures" / f"{path.stem}.png").write_bytes(compressed(image))


def images(cell) -> list[dict]:
    """The outputs of a cell that hold an image, in order."""
    return [output.data for output in cell.get("outputs", ()) if PNG in output.get("data", {})]


def compressed(image: Image.Image) -> bytes:
    """An image as a PNG of 256 colours, a third of the size of one in full colour."""
    file = io.BytesIO()
    image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(HERE.glob("*.ipynb")))
    parser.add_argument("--pictures", action="store_true", help="only make the pictures of the index")
    chosen = parser.parse_args()
    if chosen.pictures:
        for path in chosen.notebooks:
            print(f"picture of {path.name}", flush=True)
            save_picture(path)
    else:
        smoke = os.environ.get("DIFFMEM_SMOKE") == "1"
        # at full scale a notebook has the machine, and its memory, to itself; an error stops the run with its traceback
        with ProcessPoolExecutor(2 if smoke else 1) as pool:
            runs = [(path, pool.submit(run, path, not smoke)) for path in chosen.notebooks]
            try:
                for path, result in runs:
                    result.result()
                    print(f"ran {path.name}", flush=True)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
