// Always on top: who is recorded, for how long, and whether this browser may sound.

import { attr, button, h, show, text } from "/page/dom.js";
import { isDark, onTheme, toggleTheme } from "/page/theme.js";
import { NONE, clock } from "/page/words.js";

export function header(app, help) {
  const elapsed = h("span");
  const [who, time, simulated] = [
    h("span", { class: "who" }),
    h("span", { class: "elapsed" }, "\u25cf ", h("span", { class: "word" }, "recording "), elapsed),
    h("span", { class: "badge simulated" }, "simulated"),
  ];
  const quiet = button("Sound is off until you press a key or click here", () => app.sound.wake(), { class: "quiet" });
  const theme = button("", toggleTheme, { class: "theme" });
  const drawTheme = () => text(theme, isDark() ? "Light" : "Dark");
  attr(theme, "title", "Light or dark page");
  onTheme(drawTheme);
  drawTheme();
  return {
    node: h(
      "div",
      { class: "top" },
      h("span", { class: "brand" }, "Retrogait"),
      who,
      simulated,
      time,
      h("span", { class: "space" }),
      quiet,
      theme,
      button([h("span", {}, "Help"), h("kbd", { "aria-hidden": "true" }, "?")], help, { "aria-keyshortcuts": "?" }),
    ),
    draw() {
      const { stage, session, clock: at } = app.store.doc;
      text(who, session?.subject ?? "");
      show(simulated, session?.simulated);
      const recording = stage === "recording";
      show(time, recording);
      text(elapsed, app.store.silent ? NONE : clock(at?.elapsed_s));
      show(quiet, !app.sound.on && recording);
    },
  };
}
