"""A conditional network of PyTorch, called as the UNet of a latent diffusion model is, from detector to mitigation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffmem import integrators, mitigations, processes, scores
from diffmem.metrics import detection

torch = pytest.importorskip("torch")

ALPHA_BARS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
SHAPE = (2, 4, 4)
FLOAT = jnp.zeros(()).dtype


class Answer:
    """As networks of diffusers answer."""

    def __init__(self, sample):
        self.sample = sample


class UNet(torch.nn.Module):
    """`unet(latents, timestep, encoder_hidden_states).sample`, the noise of one image named by the prompt.

    It is the exact network of a law that consists of the image `embedding * pattern`, or of N(0, I) for the empty
    prompt, so that every number is known.
    """

    def __init__(self):
        super().__init__()
        self.pattern = torch.nn.Parameter(torch.linspace(-1, 1, 32).reshape(SHAPE))

    def forward(self, latents, timestep, encoder_hidden_states):
        alpha = torch.from_numpy(ALPHA_BARS).sqrt()[timestep].to(latents.dtype).reshape(-1, 1, 1, 1)
        sigma = (1 - alpha**2).sqrt()
        strength = encoder_hidden_states.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)
        named = (latents - alpha * strength * self.pattern) / sigma
        return Answer(torch.where(strength == 0, sigma * latents, named))


def guided(unet, prompt, empty, weight=7.5):
    """Twenty lines: a network that predicts noise from latents, step number and prompt, as a guided score."""
    ratios = np.sqrt(1 / ALPHA_BARS - 1)

    def branch(embedding):
        def noise(x, alpha, sigma):
            step = np.abs(np.log(sigma / alpha)[:, None] - np.log(ratios)[None]).argmin(axis=1)
            with torch.no_grad():
                latents, hidden = torch.from_numpy(np.array(x, np.float32)), embedding.expand(len(x), -1, -1)
                return unet(latents, torch.from_numpy(step), encoder_hidden_states=hidden).sample.numpy()

        return scores.FromHost(noise, predicts="noise")

    return scores.Guided(branch(prompt), branch(empty), weight)


@pytest.mark.slow
def test_detection_and_sampling_through_the_host():
    unet, empty = UNet(), torch.zeros(1, 3, 5)
    process = processes.Discrete(ALPHA_BARS)
    times = jnp.asarray(1000 // 10 * np.arange(10)[::-1] + 2.0)  # ten steps of the network, the first from noise
    starts = jax.random.normal(jax.random.key(0), (3, *SHAPE), FLOAT)
    strong, weak = (guided(unet, torch.full((1, 3, 5), value), empty) for value in (2.0, 0.5))
    alpha, sigma = (np.asarray(part) for part in process.level(times[0]))
    x, image = np.asarray(starts), 2.0 * np.linspace(-1, 1, 32).reshape(SHAPE)
    # the branches are (x - alpha image)/sigma and sigma x
    truth = np.linalg.norm(((x - alpha * image) / sigma - sigma * x).reshape(3, -1), axis=1)
    found = detection.guidance_gap(strong, starts, process, times, jax.random.key(1), steps=1)
    np.testing.assert_allclose(found, truth, rtol=2e-3)
    every = [detection.guidance_gap(one, starts, process, times, jax.random.key(1)).mean() for one in (strong, weak)]
    assert every[0] > every[1]
    # the last conditional estimate is the image that the prompt names, and no derivative is needed on the way
    seen = detection.measured_along(
        lambda x, level, both: both.conditional.mean,
        strong,
        starts,
        process,
        times,
        jax.random.key(1),
        integrators.DDIM(),
    )
    np.testing.assert_allclose(seen[-1], np.tile(image, (3, 1, 1, 1)), atol=0.02)
    anchored = mitigations.PromptAnchored(strong.conditional, weak.conditional, strong.unconditional, 7.5, 0.0, 1e-6)
    here = anchored.evaluate(starts[0], process.level(times[0]))
    paper = 7.5 * weak.conditional.noise(starts[0], process.level(times[0])) - 6.5 * strong.conditional.noise(
        starts[0], process.level(times[0])
    )
    np.testing.assert_allclose(here.noise, paper, rtol=2e-4, atol=1e-3)
