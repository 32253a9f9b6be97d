// Light or dark: as the system has it, until somebody chooses. Kept in this browser alone, as are all wishes here.

export const kept = {
  get(name) {
    try {
      return localStorage.getItem(`retrogait.${name}`);
    } catch {
      return null; // a browser may forbid it: then nothing is remembered
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`retrogait.${name}`, value);
    } catch {
      return;
    }
  },
};

const system = matchMedia("(prefers-color-scheme: dark)");
const changed = new Set();

export const isDark = () => (kept.get("theme") ?? (system.matches ? "dark" : "light")) === "dark";
export const onTheme = (heard) => changed.add(heard);
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  for (const heard of changed) heard();
}

export function toggleTheme() {
  kept.set("theme", isDark() ? "light" : "dark");
  apply();
}

system.addEventListener("change", apply);
apply();
