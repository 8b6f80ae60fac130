"""diffusers' own loops on a tiny UNet with random weights, against ours on the same steps."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffmem
from diffmem import integrators, scores
from diffmem.level import NoiseLevel
from diffmem.pytorch import scheduler_times

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

FLOAT = jnp.zeros(()).dtype
SHAPE = (2, 8, 8)
CASES = {
    "DDIM, noise": (lambda: diffusers.DDIMScheduler(clip_sample=False), integrators.DDIM()),
    "DDIM, v, no signal at the end": (
        lambda: diffusers.DDIMScheduler(
            clip_sample=False, prediction_type="v_prediction", timestep_spacing="trailing", set_alpha_to_one=False
        ),
        integrators.DDIM(),
    ),
    "DDIM, data": (lambda: diffusers.DDIMScheduler(clip_sample=False, prediction_type="sample"), integrators.DDIM()),
    "DPM-Solver++, v": (
        lambda: diffusers.DPMSolverMultistepScheduler(prediction_type="v_prediction"),
        integrators.DPMSolverPP(start="first order"),
    ),
    "DPM-Solver++ to the smallest sigma": (
        lambda: diffusers.DPMSolverMultistepScheduler(prediction_type="sample", final_sigmas_type="sigma_min"),
        integrators.DPMSolverPP(start="first order", lower_order_final=True),
    ),
    "flow matching": (lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), integrators.DDIM()),
}


def unet(**settings):
    """Half a second to build; nothing is downloaded."""
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=2,
        out_channels=2,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        **settings,
    ).eval()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("steps", [5, 20])
def test_the_loop_of_a_scheduler(name, steps):
    scheduler, integrator = CASES[name][0](), CASES[name][1]
    scheduler.set_timesteps(steps)
    network, x = unet(), torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    if "smallest" in name and steps >= 15:  # the scheduler lowers the order of fewer steps only
        integrator = integrators.DPMSolverPP(start="first order")
    score, process = diffmem.from_diffusers(network, scheduler)
    start = np.asarray(x.numpy(), FLOAT)
    times = scheduler_times(scheduler)
    found = diffmem.sample(
        score, process, integrator, times, SHAPE, 3, key=jax.random.key(0), start=start, finish="state"
    ).points
    with torch.no_grad():
        for t in scheduler.timesteps:
            x = scheduler.step(network(x, t.expand(3)).sample, t, x).prev_sample
    scale = float(x.abs().max())
    np.testing.assert_allclose(found / scale, x.numpy() / scale, atol=2e-5)


def test_a_class_and_its_guidance():
    network, scheduler = unet(num_class_embeds=4), diffusers.DDPMScheduler()
    x = np.asarray(np.random.default_rng(0).normal(size=(2, *SHAPE)), FLOAT)
    named, other = (
        diffmem.from_diffusers(network, scheduler, condition={"class_labels": torch.tensor([label])})
        for label in (3, 0)
    )
    level = named[1].level(501.0)
    with torch.no_grad():
        points, t = torch.from_numpy(x).float(), torch.tensor([500, 500])
        truth = [network(points, t, class_labels=torch.tensor([label] * 2)).sample.numpy() for label in (3, 0)]
    guided = scores.Guided(named[0], other[0], 2.0)
    found = jax.vmap(lambda x: guided.evaluate(x, level).info)(x)
    np.testing.assert_allclose(found.conditional.noise, truth[0], atol=1e-5)
    np.testing.assert_allclose(found.unconditional.noise, truth[1], atol=1e-5)


def test_a_text_embedding():
    torch.manual_seed(0)
    network = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=2,
        out_channels=2,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        cross_attention_dim=6,
        attention_head_dim=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()
    embedding = torch.randn(1, 5, 6)
    score, process = diffmem.from_diffusers(
        network, diffusers.PNDMScheduler(), condition={"encoder_hidden_states": embedding}
    )
    x = np.asarray(np.random.default_rng(0).normal(size=(2, *SHAPE)), FLOAT)
    level = process.level(11.0)
    with torch.no_grad():
        truth = network(torch.from_numpy(x).float(), 10, embedding.expand(2, -1, -1)).sample.numpy()
    np.testing.assert_allclose(jax.vmap(lambda x: score.noise(x, level))(x), truth, atol=1e-5)
    # the chain rule through the whole network, against differences
    v = np.asarray(np.random.default_rng(1).normal(size=SHAPE), FLOAT)
    ends = [score.noise(x[0] + h * v, level) for h in (0.01, -0.01)]
    found = jax.jvp(lambda x: score.noise(x, level), (jnp.asarray(x[0]),), (jnp.asarray(v),))[1]
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / 0.02, atol=5e-3)
    pulled = jax.grad(lambda x: jnp.sum(v * score.noise(x, level)))(x[0])
    assert float(jnp.sum(pulled * v)) == pytest.approx(float(jnp.sum(found * v)), rel=1e-3)


def test_a_scheduler_without_a_table():
    with pytest.raises(ValueError, match="`scheduler` must have a table `alphas_cumprod`"):
        diffmem.from_diffusers(unet(), diffusers.EDMEulerScheduler())


def test_no_signal_at_the_last_step():
    """Zero terminal SNR, in diffusers 0 or 2^-24, which is above the entry before it."""
    for kind in (diffusers.DDIMScheduler, diffusers.EulerDiscreteScheduler):
        scheduler = kind(rescale_betas_zero_snr=True, prediction_type="v_prediction")
        score, process = diffmem.from_diffusers(unet(), scheduler)
        assert 0 < float(process.level(1000.0).alpha) < float(process.level(999.0).alpha) < 1e-4
    assert np.isfinite(score.denoise(np.ones(SHAPE, FLOAT), NoiseLevel(0.0, 1.0))).all()


def test_a_missing_package_is_one_sentence(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"^`torch` must be installed to use its networks: pip install torch\.$"):
        diffmem.pytorch.from_torch(None, predicts="noise", schedule=np.array([0.9, 0.5]))
