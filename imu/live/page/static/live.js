// While it is recorded: where the protocol is, three figures, what happened last, and what a person can do.

import { button, h, show, text } from "/page/dom.js";
import { contextView } from "/page/context.js";
import { cueView } from "/page/cue.js";
import { NEVER, beltDialog, endDialog, noteDialog } from "/page/dialogs.js";
import { figuresView } from "/page/figures.js";
import { phaseView } from "/page/phase.js";
import { signalsView } from "/page/signals.js";
import { stripView } from "/page/strip.js";
import { warningsView } from "/page/warnings.js";

export function liveView(app) {
  const { store } = app;
  const [note, belt, end] = [noteDialog(app), beltDialog(app), endDialog(app)];
  const doing = {
    pause: () => app.send({ do: store.doc.protocol?.paused ? "resume" : "pause" }),
    next: () => app.send({ do: "next" }),
    mark: () => app.send({ do: "mark" }) && app.say("Mark set."),
    mute: () => app.send({ do: "cue", muted: !store.doc.cue?.muted }),
  };
  const signals = signalsView(store);
  const warnings = warningsView(store);
  const parts = [
    phaseView(store),
    figuresView(store),
    contextView(store, belt.open),
    stripView(store),
    cueView(app, doing.mute),
    signals,
  ];
  const [pause, ...rest] = [
    ["Pause", "p", doing.pause],
    ["Next phase", "n", doing.next],
    ["Mark", "space", doing.mark],
    ["Note", null, note.open],
    ["End recording", null, end.open],
  ].map(([words, key, press]) =>
    button([h("span", {}, words), key && h("kbd", { "aria-hidden": "true" }, key)], press, {
      "aria-keyshortcuts": key === "space" ? "Space" : key?.toUpperCase(),
    }),
  );
  const controls = h(
    "section",
    { class: "bottom controls", "aria-label": "Controls" },
    warnings.node,
    h("p", { class: "never" }, NEVER),
    h("div", { class: "buttons" }, pause, rest),
  );
  const node = h(
    "div",
    { class: "live" },
    h("h1", { class: "unseen", tabindex: "-1" }, "Recording"),
    parts.map((part) => part.node),
    controls,
  );
  return {
    node,
    shortcuts: { " ": doing.mark, n: doing.next, p: doing.pause, m: doing.mute },
    draw() {
      for (const part of [...parts, warnings]) part.draw();
      const { protocol } = store.doc;
      text(pause.firstChild, protocol?.paused ? "Go on" : "Pause");
      show(pause, protocol);
      show(rest[0], protocol);
    },
    left: end.close,
    signals: signals.take,
  };
}
