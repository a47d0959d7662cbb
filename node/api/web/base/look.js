// Light or dark, and how large the text is: remembered on this device, applied at once.
//
// shell/early.js applies both before the first drawing.

import { signal } from "./ui.js";

export const THEMES = ["system", "light", "dark"];
export const SIZES = [100, 125, 150, 175, 200];
const THEME = "wetalk-theme";
const SIZE = "wetalk-size";

export const theme = signal(localStorage.getItem(THEME) ?? THEMES[0]);
export const size = signal(Number(localStorage.getItem(SIZE) ?? SIZES[0]));

/** Show in light or dark colours, or as the system does. */
export function chooseTheme(chosen) {
  theme.value = chosen;
  localStorage.setItem(THEME, chosen);
  document.documentElement.dataset.theme = chosen;
}

/** Show text at this percentage. */
export function chooseSize(percent) {
  size.value = percent;
  localStorage.setItem(SIZE, String(percent));
  document.documentElement.style.setProperty("--text-scale", percent / 100);
}
