/** Light and dark: what the system says, until somebody chooses. */

export type Theme = "light" | "dark";
const KEPT = "auricle.theme";

/** The theme that shows now. */
export function theme(): Theme {
  const chosen = localStorage.getItem(KEPT);
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Shows the theme, and tells the charts. */
export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
  dispatchEvent(new Event("auricle:theme"));
}

/** Changes to the other theme, for this browser. */
export function switchTheme(): void {
  localStorage.setItem(KEPT, theme() === "dark" ? "light" : "dark");
  applyTheme();
}
