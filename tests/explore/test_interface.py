"""What the page does when its controls are used, in a browser."""

import jax
import numpy as np
import pytest

from diffmem import metrics, processes, theory

RNG = np.random.default_rng(11)
# the page as a user finds it: `ready` waits for results, `set` changes a field, `press` a key on the picture
TOOLS = """
const { state, settings } = explorer;
const byId = (id) => document.getElementById(id);
const picture = byId("picture");
const ready = async (change = () => null) => {
  await until(() => state.model);
  const before = state.model;
  if (change() !== "at rest") await until(() => state.model !== before);
  await new Promise((resume) => requestAnimationFrame(() => setTimeout(resume, 0)));
};
const set = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event("change")); };
const press = (key, shiftKey = false) => picture.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey }));
const inWindow = (x, y) => {
  const { left, top } = picture.getBoundingClientRect();
  return { clientX: left + picture.clientLeft + x, clientY: top + picture.clientTop + y };
};
const point = (type, x, y) => {
  picture.dispatchEvent(new PointerEvent(type, { ...inWindow(x, y), pointerId: 1 }));
};
const edit = () => document.querySelector("input[value=edit]").click();
const text = (id) => byId(id).textContent;
await ready(() => "at rest");
"""


@pytest.fixture(scope="module")
def use(ask):
    return lambda script, points=None, **named: ask(TOOLS + script, points, **named)


@pytest.mark.slow
def test_results_are_those_of_the_library_for_every_process_score_and_sampler(use):
    """Copies of the samples that the page has drawn, and the times it prints; all numbers are finite everywhere."""
    points = RNG.normal(size=(8, 2))
    rows = use(
        """
        const rows = [];
        set("count", 40); set("steps", 20);
        for (const process of ["ou", "vp", "cosine", "ve", "edm", "fm"]) {
          for (const score of ["empirical", "smoothed", "widened", "mixture", "gaussian"]) {
            for (const sampler of ["heun", "ddim", "euler_maruyama", "ancestral"]) {
              await ready(() => { set("process", process); set("score", score); set("sampler", sampler); });
              const { run, critical } = state.model;
              rows.push({
                name: [process, score, sampler], ends: run.ends, copies: run.copies, distinct: run.distinctCopies,
                result: text("result"), t: text("predicted-time"), time: critical.times.predicted,
                finite: [run.states, run.ends, run.largest, state.model.own].every((all) => all.every(Number.isFinite)),
              });
            }
          }
        }
        return rows;
        """,
        points,
    )
    assert len(rows) == 6 * 5 * 4
    for row in rows:
        samples = np.reshape(row["ends"], (-1, 2))
        copied = metrics.memorization(samples, points)
        assert row["finite"], row["name"]
        assert row["copies"] == copied.copied.sum(), row["name"]
        assert row["result"].startswith(f"{row['copies']} of 40 samples"), row["name"]
        assert float(row["t"]) == pytest.approx(row["time"], rel=5e-3)
        if row["name"][1:] == ["empirical", "heun"]:
            assert row["copies"] == 40 and f"copy {row['distinct']} of the 8 distinct" in row["result"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        np.array([[0.3, -0.2]]),
        np.array([[1.0, 1.0]] * 3),
        np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.5], [1.0, 0.5], [-1.0, 0.2]]),
        np.array([[-1e6, 0.0], [1e6, 1.0], [1e6, 2.0]]),
        np.array([[-1e9], [1e9]]),
        np.array([[1e-7], [2e-7], [-1e-7]]),
        np.stack([np.linspace(-1, 1, 5), np.zeros(5)], axis=1),
    ],
    ids=["one point", "equal points", "repeated points", "far apart", "farthest", "close together", "on a line"],
)
def test_hard_training_sets_give_numbers(use, points):
    """No NaN in states, curves, weights and fields, at every end of time and with the least noise that may be asked for."""
    rows = use(
        """
        const rows = [];
        set("count", 12); set("steps", 16);
        for (const [process, low] of [["ou", 1e-6], ["ve", 1e-6], ["fm", 1e-6]]) {
          for (const score of ["empirical", "smoothed", "widened", "mixture", "gaussian"]) {
            await ready(() => { set("process", process); set("low", low); set("score", score); });
            for (const k of [0, 7.5, state.model.nodes.length - 1]) {
              state.k = k;
              explorer.emit("frame");
              await new Promise((resume) => requestAnimationFrame(() => setTimeout(resume, 0)));
              rows.push([...document.querySelectorAll("#weights span")].map((one) => Number(one.textContent)));
            }
            const { run, own, critical } = state.model;
            rows.push([...run.states, ...run.ends, ...run.largest, ...own, ...critical.spectrum]);
          }
        }
        return { rows, result: text("result"), body: document.querySelector("main").innerText };
        """,
        points,
    )
    for row in rows["rows"]:
        assert len(row) and np.isfinite(np.array(row, np.float64)).all()
    assert "NaN" not in rows["body"] and "undefined" not in rows["body"]
    if len(np.unique(points, axis=0)) == 1:
        assert "copies are not defined" in rows["result"]


def test_points_are_moved_added_drawn_and_deleted_with_the_pointer(use):
    said = use(
        """
        await ready(() => { edit(); return "at rest"; });
        const before = [...state.points];
        const [width, height] = [picture.clientWidth, picture.clientHeight];
        const unit = Math.min(width, height) / 2;
        const { alpha, sigma } = state.model.nodes.at(-1).level;
        const scale = alpha * state.camera.reach + 2.6 * sigma;
        const at = (i) => [
          width / 2 + ((state.points[2 * i] - state.camera.centre[0]) * alpha / scale) * unit,
          height / 2 - ((state.points[2 * i + 1] - state.camera.centre[1]) * alpha / scale) * unit,
        ];
        const [x, y] = at(2);
        await ready(() => { point("pointerdown", x, y); point("pointermove", x + unit / 2, y); point("pointerup", 0, 0); });
        const moved = [...state.points], selected = state.point;
        await ready(() => { point("pointerdown", 10, 10); point("pointerup", 10, 10); });
        const added = [...state.points];
        await ready(() => {
          point("pointerdown", 20, height - 10);
          for (let i = 1; i <= 80; i++) point("pointermove", 20 + i, height - 10);
          point("pointerup", 100, height - 10);
        });
        const drawn = state.points.length / 2;
        await ready(() => picture.dispatchEvent(new MouseEvent("dblclick", inWindow(...at(2)))));
        return { before, moved, selected, added, drawn, deleted: [...state.points], scale: scale / alpha, pixel: scale / alpha / unit, n: byId("n").value };
        """,
        RNG.normal(size=(4, 2)),
    )
    before, moved = (np.reshape(said[name], (-1, 2)) for name in ("before", "moved"))
    assert said["selected"] == 2
    np.testing.assert_allclose(moved[2] - before[2], [said["scale"] / 2, 0], atol=said["pixel"])
    np.testing.assert_array_equal(np.delete(moved, 2, 0), np.delete(before, 2, 0))
    assert len(said["added"]) == 10 and said["drawn"] == 8  # one where the stroke begins, and one each 34 pixels
    assert len(said["deleted"]) == 14 and said["n"] == "7"
    assert moved[2].tolist() not in np.reshape(said["deleted"], (-1, 2)).tolist()


def test_the_keyboard_does_what_the_pointer_does(use):
    said = use(
        """
        const steps = [];
        const note = (name) => steps.push({ name, points: [...state.points], selected: state.point, mode: state.mode,
          selection: { ...state.selection }, said: text("spoken"), k: state.k });
        press("n"); note("next path");
        press("ArrowRight"); note("probe");
        press("ArrowUp", true); note("probe up");
        press(","); note("back");
        press("e"); note("edit");
        press("n"); note("next point");
        await ready(() => press("ArrowLeft")); note("left");
        await ready(() => press("ArrowUp", true)); note("up");
        await ready(() => press("a")); note("added");
        await ready(() => press("Delete")); note("deleted");
        const reach = state.camera.reach;
        press(" "); const playing = text("play"); press(" ");
        return { steps: Object.fromEntries(steps.map((step) => [step.name, step])), reach, playing, paused: text("play") };
        """,
        RNG.normal(size=(3, 2)),
    )
    steps, reach = said["steps"], said["reach"]
    points = {name: np.reshape(step["points"], (-1, 2)) for name, step in steps.items()}
    assert steps["next path"]["selection"] == {"kind": "path", "index": 1}
    assert "path 2, which ends nearest to point" in steps["next path"]["said"]
    assert steps["probe"]["selection"]["place"] == [0.05, 0]
    assert steps["probe up"]["selection"]["place"] == [0.05, 0.005]
    assert steps["back"]["k"] == np.ceil(steps["probe up"]["k"] - 1e-9) - 1
    assert steps["edit"]["mode"] == "edit" and steps["next point"]["selected"] == 1
    assert steps["next point"]["said"].startswith("Point 2 of 3 at ")
    np.testing.assert_allclose(points["left"] - points["edit"], [[0, 0], [-0.05 * reach, 0], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(points["up"] - points["left"], [[0, 0], [0, 0.005 * reach], [0, 0]], atol=1e-12)
    assert len(points["added"]) == 4 and steps["added"]["selected"] == 3
    np.testing.assert_array_equal(points["deleted"], points["up"])
    assert said["playing"] == "Pause" and said["paused"] == "Play"


@pytest.mark.slow
def test_presets_dimensions_and_fields(use):
    said = use(
        """
        const rows = {};
        for (const name of ["clusters", "ring", "spiral", "grid", "gaussian", "few"]) {
          for (const d of ["1", "2"]) {
            await ready(() => { set("preset", name); set("dimension", d); });
            rows[`${name} ${d}`] = [...state.points];
          }
        }
        // draws while the new points are there and their model is not yet
        set("n", "30"); explorer.emit("draw"); await ready(); set("n", "3"); explorer.emit("draw"); await ready();
        await ready(() => set("n", "1e9"));
        const most = [byId("n").value, state.points.length / 2];
        await ready(() => set("n", "7"));
        set("steps", "nonsense"); set("width", "");
        const kept = [byId("steps").value, byId("width").value, settings.steps, settings.width];
        await ready(() => set("point-x", "0.25"));
        const edited = state.points[2 * state.point];
        await ready(() => byId("rescale").click());
        const scaled = [...state.points];
        await ready(() => byId("clear").click());
        return { rows, most, kept, edited, scaled, left: state.points.length / 2, mode: state.mode };
        """
    )
    for name, points in said["rows"].items():
        pairs = np.reshape(points, (-1, 2))
        assert len(pairs) >= 3 and np.isfinite(pairs).all() and pairs[:, 0].std() > 0.1
        assert (pairs[:, 1] == 0).all() == name.endswith("1")
    assert said["most"] == ["500", 500]
    assert said["kept"] == ["64", "0.2", 64, 0.2] and said["edited"] == 0.25
    scaled = np.reshape(said["scaled"], (-1, 2))
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-12)
    assert scaled.var(0).sum() == pytest.approx(2, rel=1e-12)
    assert said["left"] == 1 and said["mode"] == "edit"


@pytest.mark.slow
def test_the_animation_runs_from_noise_to_data_and_the_picture_is_saved(use):
    said = use(
        """
        const saved = [];
        HTMLAnchorElement.prototype.click = function () { saved.push([this.download, this.href.startsWith("blob:")]); };
        byId("save-picture").click();
        await until(() => saved.length);
        settings.show.heat = false; // takes most of the time of a picture
        state.k = 0;
        byId("play").click();
        const seen = [];
        while (state.playing) { seen.push(state.k); await new Promise((resume) => setTimeout(resume, 100)); }
        return { saved, seen, last: state.k, nodes: state.model.nodes.length, said: text("saved") };
        """
    )
    assert said["saved"] == [["diffmem.png", True]] and said["said"].startswith("Saved diffmem.png")
    assert np.all(np.diff(said["seen"]) >= 0) and said["last"] == said["nodes"] - 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_layout_fits_its_width_and_the_canvas_its_pixels(use, width):
    """In a frame of this width: no sideways scrolling, nothing wider than the page, as many pixels as the screen has."""
    said = use(
        """
        const frame = document.createElement("iframe");
        frame.style.cssText = "border:0;height:800px;width:WIDTHpx";
        frame.srcdoc = document.documentElement.outerHTML.replace(/<pre id="answer">[^]*/, "");
        document.body.append(frame);
        await until(() => frame.contentWindow?.explorer?.state.model);
        const inside = frame.contentDocument;
        for (const part of inside.querySelectorAll("details")) part.open = true;
        await new Promise((resume) => setTimeout(resume, 200));
        const cut = [...inside.querySelectorAll("body *")].filter((one) => {
          const { right, left } = one.getBoundingClientRect();
          return right > WIDTH + 0.5 || left < -0.5;
        });
        const clipped = [...inside.querySelectorAll("button, label, dd, th, td, select")].filter(
          (one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0);
        const canvas = inside.getElementById("picture");
        const density = frame.contentWindow.devicePixelRatio;
        return {
          scroll: inside.documentElement.scrollWidth, cut: cut.map((one) => one.outerHTML.slice(0, 80)),
          clipped: clipped.map((one) => one.outerHTML.slice(0, 80)),
          pixels: [canvas.width / density, canvas.height / density], size: [canvas.clientWidth, canvas.clientHeight],
        };
        """.replace("WIDTH", str(width))
    )
    assert said["scroll"] <= width and said["cut"] == [] and said["clipped"] == []
    np.testing.assert_allclose(said["pixels"], said["size"], atol=1)
    assert said["size"][0] > 300


@pytest.mark.slow
@pytest.mark.parametrize("score", ["empirical", "smoothed", "widened", "mixture", "gaussian"])
@pytest.mark.parametrize("d", [1, 2])
def test_the_program_that_the_page_prints_is_the_experiment(use, score, d, capsys):
    """It runs, finds the critical times of the page, and about its fraction of copies (two samples of 150)."""
    points = RNG.normal(size=(6, d))
    said = use(
        f"""
        await ready(() => {{ set("process", "edm"); set("score", "{score}"); set("steps", 32); }});
        return {{ program: text("python"), copies: state.model.run.copies, times: state.model.critical.times }};
        """,
        points,
    )
    names = {}
    flags = {"jax_numpy_dtype_promotion": "standard", "jax_numpy_rank_promotion": "allow"}
    before = {flag: getattr(jax.config, flag) for flag in (*flags, "jax_enable_x64")}
    try:
        for flag, value in flags.items():
            jax.config.update(flag, value)
        exec(compile(said["program"], "the page", "exec"), names)
    finally:
        for flag, value in before.items():
            jax.config.update(flag, value)
    np.testing.assert_array_equal(names["points"], points)
    assert names["process"] == processes.EDM()
    assert names["t_s"] == pytest.approx(said["times"]["speciation"], rel=1e-9)
    assert names["t_c"] == pytest.approx(said["times"]["predicted"], rel=1e-9)
    here, there = said["copies"] / 150, names["copied"].fraction
    spread = np.sqrt((here * (1 - here) + there * (1 - there)) / 150 + 1e-4)
    assert abs(here - there) < 4 * spread
    assert "t_S = " in capsys.readouterr().out
    assert theory.speciation_ratio(theory.spectrum(points)) == pytest.approx(said["times"]["speciation"], rel=1e-9)


def test_on_a_line_height_is_place_and_width_is_time(use):
    said = use(
        """
        const [width, height] = [picture.clientWidth, picture.clientHeight];
        point("pointerdown", width - 100, 7); point("pointerup", width - 100, 7);
        const probe = { ...state.selection, k: state.k, last: state.model.nodes.length - 1 };
        await ready(() => { edit(); return "at rest"; });
        const { alpha, sigma } = state.model.nodes.at(-1).level;
        const scale = (state.camera.reach + 2.6 * sigma / alpha), [centre] = state.camera.centre;
        await ready(() => { point("pointerdown", 200, height / 4); point("pointerup", 200, height / 4); });
        return { probe, points: [...state.points], wanted: centre + scale / 2, scale, width, height };
        """,
        np.array([-1.0, 0.2, 1.5]),
    )
    assert said["probe"]["kind"] == "probe"
    assert said["probe"]["place"] == pytest.approx([1 - 14 / said["height"], 0], abs=2 / said["height"])
    assert said["probe"]["k"] == pytest.approx(
        said["probe"]["last"] * (said["width"] - 128) / (said["width"] - 56), abs=0.1
    )
    points = np.reshape(said["points"], (-1, 2))
    assert len(points) == 4 and points[3, 0] == pytest.approx(said["wanted"], abs=2 * said["scale"] / said["height"])
    assert (points[:, 1] == 0).all()
