// Colours of the canvases, from the style sheet.

let colours = null;

/** The present colours; read once until the scheme changes. */
export function theme() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  colours = { dark, font: getComputedStyle(document.body).fontFamily };
  for (const name of ["surface", "ink", "muted", "line", "accent", "second"]) colours[name] = read(name);
  return colours;
}

export function onSchemeChange(listener) {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = null;
    listener();
  });
}

/** A colour of its own for training point i: hues a golden angle apart. */
export function colourOf(i) {
  const hue = (215 + 137.508 * i) % 360;
  return theme().dark ? `hsl(${hue} 65% 68%)` : `hsl(${hue} 62% 42%)`;
}

/** Red, green and blue of a colour written #rrggbb. */
export const rgbOf = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
