// Random and evenly spread normal numbers. Sample i depends on the seed and on i alone.

/** Uniform numbers in (0, 1) from a seed and a stream number (Mulberry32 after a hash of both). */
export function uniforms(seed, stream) {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

/** Pairs of independent standard normal numbers from a source of uniform ones (Box and Muller). */
export function normalPairs(uniform) {
  return () => boxMuller(uniform(), uniform());
}

function boxMuller(u, v) {
  const radius = Math.sqrt(-2 * Math.log(u));
  return [radius * Math.cos(2 * Math.PI * v), radius * Math.sin(2 * Math.PI * v)];
}

/** The digits of i in base 2, mirrored at the point (van der Corput): evenly spread numbers in [0, 1). */
function mirrored(i) {
  let [value, place] = [0, 0.5];
  for (; i > 0; i >>= 1, place /= 2) if (i & 1) value += place;
  return value;
}

/**
 * `count` (even) normal offsets e and -e: mean 0 exactly, standard deviation `width` in each of d coordinates exactly,
 * from an evenly spread (Hammersley) sequence.
 */
export function antitheticOffsets(count, width, d) {
  const half = count / 2;
  const offsets = new Float64Array(2 * count);
  for (let i = 0; i < half; i++) {
    const [x, y] = boxMuller((i + 0.5) / half, mirrored(i) + 0.5 / half);
    offsets.set([x, d === 2 ? y : 0], 2 * i);
  }
  for (let axis = 0; axis < d; axis++) {
    let square = 0;
    for (let i = 0; i < half; i++) square += offsets[2 * i + axis] ** 2;
    const scale = width / Math.sqrt(square / half);
    for (let i = 0; i < half; i++) {
      offsets[2 * i + axis] *= scale;
      offsets[2 * (half + i) + axis] = -offsets[2 * i + axis];
    }
  }
  return offsets;
}
