"""A browser without a window, which opens the page, runs a script in it and hands back what the script returns."""

import html
import json
import re
import shutil
import subprocess

import pytest

from diffmem.explore import page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
    "--virtual-time-budget=60000",
    "--dump-dom",
)
# without a window no frame is due, so frames come by a clock; what goes wrong anywhere in the page fails the test
CLOCK = """<head><script>
window.faults = [];
window.addEventListener("error", ({ message, lineno }) => window.faults.push(`${message} in line ${lineno}`));
window.addEventListener("unhandledrejection", ({ reason }) => window.faults.push(`${reason}`));
window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);
</script>"""
# numbers that JSON does not have are written as text; Python reads them as floats where a test asks for floats
ASKED = """
<pre id="answer"></pre>
<script type="module">
const until = async (ready) => { while (!ready()) await new Promise((resume) => setTimeout(resume, 10)); };
const plain = (key, value) =>
  typeof value === "number" && !Number.isFinite(value) ? `number ${value}` : ArrayBuffer.isView(value) ? [...value] : value;
async function asked() { %s }
const write = (answer) => (document.getElementById("answer").textContent = JSON.stringify(answer, plain));
asked().then((value) => write(faults.length ? { error: faults.join(", ") } : { value }), (error) => write({ error: `${error} ${error.stack}` }));
</script>
"""


@pytest.fixture(scope="session")
def ask(tmp_path_factory):
    """`ask(script, points)`: what the JavaScript `script` returns in the page for these points."""
    if BROWSER is None:
        pytest.skip(
            "These tests open the page in Chromium, but none of the commands " + ", ".join(NAMES) + " is there."
        )

    def answer(script, points=None, name="points of a test"):
        folder = tmp_path_factory.mktemp("page")
        file = folder / "page.html"
        text = page(points, name=name).replace("<head>", CLOCK)
        file.write_text(text + ASKED % script, encoding="utf-8")
        command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
        run = subprocess.run(command, capture_output=True, text=True, timeout=240)
        found = re.search(r'<pre id="answer">(.+?)</pre>', run.stdout, re.S)
        assert found, f"the page did not answer:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
        said = json.loads(html.unescape(found[1]), object_hook=_numbers)
        assert "error" not in said, said["error"]
        return said["value"]

    return answer


def _numbers(table):
    return {key: _number(value) for key, value in table.items()}


def _number(value):
    if isinstance(value, list):
        return [_number(entry) for entry in value]
    if isinstance(value, str) and value.startswith("number "):
        return float(value.removeprefix("number "))
    return value
