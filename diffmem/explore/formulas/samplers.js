// Grids of times and samplers (diffmem.integrators). A step goes from node `now` to node `after`, towards the data;
// a node is {time, level, rate}, `here` the evaluation of the score at (x, now), z a pair of standard normal numbers.

// second node of a grid in sigma/alpha behind noise without signal: the larger of the first and steps^2 over the second,
// where t_max is at least so many times as far
const [LEAST_RATIO, RATIO_STEPS, LEAP] = [12, 27, 7];

export const GRIDS = {
  karras: { title: "Karras, ρ = 7 (dense near the data)", python: "karras" },
  log_snr: { title: "Even in log σ/α", python: "log_snr" },
  uniform: { title: "Even in time", python: "uniform" },
};

/** N steps: N + 1 strictly decreasing times, from exactly tMax to exactly tMin. */
export function gridTimes(name, process, steps) {
  const { tMin, tMax } = process;
  const part = (count) => Array.from({ length: count + 1 }, (_, i) => i / (count || 1));
  if (name === "uniform") return part(steps).map((share) => (share === 1 ? tMin : tMax + share * (tMin - tMax)));
  const [first, last] = [process.level(tMax), process.level(tMin)];
  const low = last.sigma / last.alpha;
  const far = first.alpha === 1 ? Infinity : Math.max(LEAST_RATIO, steps ** 2 / RATIO_STEPS, LEAST_RATIO * low);
  const whole = first.alpha === 0 ? Infinity : first.sigma / first.alpha;
  const leap = whole > LEAP * far;
  const high = leap ? far : whole;
  const root = 1 / 7;
  const ratio = {
    karras: (share) => (high ** root + share * (low ** root - high ** root)) ** 7,
    log_snr: (share) => high * (low / high) ** share,
  }[name];
  const times = part(steps - (leap ? 1 : 0)).map((share) => process.timeAt(ratio(share)));
  return [tMax, ...times.slice(leap ? 0 : 1, -1), tMin];
}

export function nodesAt(process, times) {
  return times.map((time) => ({ time, level: process.level(time), rate: process.rate(time) }));
}

/** The probability flow between two levels for a constant D: (s_b/s_a) x + (a_b - a_a s_b/s_a) D. */
function flowTowards(mean, x, now, after) {
  const shrink = after.sigma / now.sigma;
  return x.map((value, i) => shrink * value + (after.alpha - now.alpha * shrink) * mean[i]);
}

/** Whether a step comes from noise without (much) signal, where D is nearly the mean and moves as alpha/sigma. */
function leavesNoise(now, after) {
  return 4 * now.alpha <= after.alpha && after.sigma >= 7 * after.alpha;
}

/** A draw from the law of x_b given x_a and x_0 = D, for any process. */
function conditional(mean, x, now, after, z) {
  const r = (now.alpha * after.sigma) / (after.alpha * now.sigma);
  const lost = (1 - r) * (1 + r);
  const keep = (after.sigma * Math.sqrt(1 - lost)) / now.sigma;
  const deviation = after.sigma * Math.sqrt(lost);
  return x.map((value, i) => after.alpha * mean[i] + keep * (value - now.alpha * mean[i]) + deviation * z[i]);
}

const ddim = (score, x, here, now, after) => flowTowards(here.mean, x, now.level, after.level);

/** The trapezoidal rule for d(x/alpha)/d(sigma/alpha) = noise, from noise that for D; first order at other ends. */
function heun(score, x, here, now, after) {
  const [a, b] = [now.level, after.level];
  const predicted = flowTowards(here.mean, x, a, b);
  const leaves = leavesNoise(a, b);
  if (!leaves && (a.alpha === 0 || b.alpha === 0 || b.sigma === 0)) return predicted;
  const found = score.evaluate(predicted[0], predicted[1], b);
  if (leaves) return flowTowards(x.map((_, i) => (here.mean[i] + found.mean[i]) / 2), x, a, b);
  const rise = b.sigma / b.alpha - a.sigma / a.alpha;
  return x.map((value, i) => b.alpha * (value / a.alpha + (rise * (here.noise[i] + found.noise[i])) / 2));
}

/** The reverse SDE in the process' own time; from noise with little or no signal, where g is large, a step is a draw. */
function eulerMaruyama(score, x, here, now, after, z) {
  const { alpha, sigma } = now.level;
  if (alpha === 0 || leavesNoise(now.level, after.level)) return conditional(here.mean, x, now.level, after.level, z);
  const squared = 2 * sigma * (now.rate.sigma - (sigma * now.rate.alpha) / alpha); // g^2
  const dt = after.time - now.time;
  return x.map((value, i) => {
    const drift = now.rate.alpha * here.mean[i] + (now.rate.sigma + squared / (2 * sigma)) * here.noise[i];
    return value + drift * dt + Math.sqrt(squared * Math.abs(dt)) * z[i];
  });
}

const ancestral = (score, x, here, now, after, z) => conditional(here.mean, x, now.level, after.level, z);

export const SAMPLERS = {
  heun: { title: "Heun (second order)", step: heun, random: false, python: "Heun" },
  ddim: { title: "DDIM (exponential Euler)", step: ddim, random: false, python: "DDIM" },
  euler_maruyama: { title: "Euler–Maruyama", step: eulerMaruyama, random: true, python: "EulerMaruyama" },
  ancestral: { title: "Ancestral (DDPM)", step: ancestral, random: true, python: "Ancestral" },
};
