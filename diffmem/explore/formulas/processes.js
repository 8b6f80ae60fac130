// The six forward processes x = alpha(t) x_0 + sigma(t) z, z ~ N(0, I): the formulas of diffmem.processes.
// A process offers level(t) = {alpha, sigma}, rate(t) = the time derivatives of both, and timeAt(sigma / alpha).

/** log sqrt(1 + ratio^2), accurate for small ratios and without overflow for large ones. */
const halfLog1pSquare = (ratio) =>
  ratio < 1 ? Math.log1p(ratio * ratio) / 2 : Math.log(ratio) + Math.log1p(1 / (ratio * ratio)) / 2;

function ornsteinUhlenbeck() {
  const level = (t) => ({ alpha: Math.exp(-t), sigma: Math.sqrt(-Math.expm1(-2 * t)) });
  const rate = (t) => ({ alpha: -level(t).alpha, sigma: level(t).alpha ** 2 / level(t).sigma });
  return { level, rate, timeAt: halfLog1pSquare };
}

function variancePreserving() {
  const [low, high] = [0.1, 20]; // beta(t) = low + (high - low) t
  const logAlpha = (t) => -t * (low / 2 + ((high - low) * t) / 4);
  const level = (t) => ({ alpha: Math.exp(logAlpha(t)), sigma: Math.sqrt(-Math.expm1(2 * logAlpha(t))) });
  function rate(t) {
    const { alpha, sigma } = level(t);
    const half = (low + (high - low) * t) / 2;
    return { alpha: -half * alpha, sigma: (half * alpha * alpha) / sigma };
  }
  function timeAt(ratio) {
    const depth = halfLog1pSquare(ratio);
    if (depth === Infinity) return Infinity;
    return (2 * depth) / (low / 2 + Math.sqrt((low / 2) ** 2 + (high - low) * depth)); // no cancellation
  }
  return { level, rate, timeAt };
}

function cosine() {
  const offset = 0.008;
  const quarter = Math.PI / 2 / (1 + offset);
  const scale = Math.cos(quarter * offset);
  // cosines as sines of the complementary angle: alpha(1) is exactly 0, and sigma keeps its digits as t -> 0
  const level = (t) => ({
    alpha: Math.sin(quarter * (1 - t)) / scale,
    sigma: Math.sqrt(Math.sin(quarter * t) * Math.sin(quarter * (t + 2 * offset))) / scale,
  });
  function rate(t) {
    const { alpha, sigma } = level(t);
    const slope = (-quarter * Math.cos(quarter * (1 - t))) / scale;
    return { alpha: slope, sigma: (-alpha * slope) / sigma };
  }
  function timeAt(ratio) {
    const depth = halfLog1pSquare(ratio);
    if (ratio >= 1) return 1 - Math.asin(Math.min(scale * Math.exp(-depth), 1)) / quarter;
    // sin(a - b) sin(a + b) = sin^2 a - sin^2 b = cos^2 b sigma^2, with b the angle of the offset
    const lift = -Math.expm1(-2 * depth) * scale ** 2;
    const base = quarter * offset;
    const sine = Math.sqrt(lift + Math.sin(base) ** 2);
    const both = sine * Math.cos(base) + Math.sqrt(Math.max(1 - sine ** 2, 0)) * Math.sin(base);
    return Math.asin(Math.min(Math.max(lift / both, 0), 1)) / quarter;
  }
  return { level, rate, timeAt };
}

function flowMatching() {
  const level = (t) => ({ alpha: 1 - t, sigma: t });
  const timeAt = (ratio) => (ratio < 1 ? ratio / (1 + ratio) : 1 / (1 + 1 / ratio));
  return { level, rate: () => ({ alpha: -1, sigma: 1 }), timeAt };
}

function varianceExploding(sigmaMin, sigmaMax) {
  const growth = Math.log(sigmaMax / sigmaMin);
  const level = (t) => ({ alpha: 1, sigma: sigmaMin * Math.exp(growth * t) });
  const rate = (t) => ({ alpha: 0, sigma: growth * level(t).sigma });
  return { level, rate, timeAt: (ratio) => Math.log(ratio / sigmaMin) / growth };
}

function edm() {
  return { level: (t) => ({ alpha: 1, sigma: t }), rate: () => ({ alpha: 0, sigma: 1 }), timeAt: (ratio) => ratio };
}

/** Names, formulas and ranges; `low` and `high` are times, or noise scales where `unit` is sigma. */
export const PROCESSES = {
  ou: {
    title: "Ornstein–Uhlenbeck",
    formula: "α = e⁻ᵗ,  σ² = 1 − e⁻²ᵗ",
    python: "OrnsteinUhlenbeck",
    unit: "t", low: 1e-5, high: 4, most: 30, make: ornsteinUhlenbeck,
  },
  vp: {
    title: "Variance preserving (DDPM)",
    formula: "α = exp(−0.1 t/2 − 19.9 t²/4),  σ² = 1 − α²",
    python: "VariancePreserving",
    unit: "t", low: 1e-5, high: 1, most: 1, make: variancePreserving,
  },
  cosine: {
    title: "Cosine, variance preserving",
    formula: "α ∝ cos(π/2 · (t + 0.008)/1.008),  σ² = 1 − α²",
    python: "CosineVariancePreserving",
    unit: "t", low: 1e-5, high: 1, most: 1, make: cosine,
  },
  ve: {
    title: "Variance exploding",
    formula: "α = 1,  σ = σ_min (σ_max/σ_min)ᵗ",
    python: "VarianceExploding",
    unit: "sigma", low: 0.002, high: 50, most: 1e6, make: varianceExploding,
  },
  edm: {
    title: "EDM",
    formula: "α = 1,  σ = t",
    python: "EDM",
    unit: "sigma", low: 0.002, high: 80, most: 1e6, make: edm,
  },
  fm: {
    title: "Flow matching",
    formula: "α = 1 − t,  σ = t",
    python: "FlowMatching",
    unit: "t", low: 1e-5, high: 1, most: 1, make: flowMatching,
  },
};

/** The process of a short name between `low` and `high`, with its first and last time. */
export function makeProcess(name, low = PROCESSES[name].low, high = PROCESSES[name].high) {
  const { make, unit } = PROCESSES[name];
  const [tMin, tMax] = name === "ve" ? [0, 1] : [low, high];
  return { name, tMin, tMax, low, high, ...make(...(unit === "sigma" ? [low, high] : [])) };
}
