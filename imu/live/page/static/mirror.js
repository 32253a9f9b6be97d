// The trainee's page: one number and the cue. Silent, unless its address ends in #sound: the therapist's page sounds.

import { banner } from "/page/banner.js";
import { attr, h, show, text } from "/page/dom.js";
import { limitOf, seen } from "/page/figures.js";
import { Socket } from "/page/socket.js";
import { Sound } from "/page/sound.js";
import { Store } from "/page/store.js";
import "/page/theme.js";
import { FEET, METRICS, NONE, fixed } from "/page/words.js";

const CUE_STANDS_MS = 3000;

/** What each metric usually comes to at most: a number that gains a sign or a digit should not shrink. */
const WIDEST = { pattern: "20", drop: "9.9\u00b0", cadence: "160", foot_angle: "\u221299\u00b0" };
const NARROWER = { ".": 0.4, "\u00b0": 0.52, "\u2212": 0.86 };
/** In ems of a bold face, broad ones among them. */
const wide = (words) => [...words].reduce((sum, one) => sum + (NARROWER[one] ?? 0.7), 0);

const store = new Store();
const sound = location.hash === "#sound" ? new Sound() : null;
const [what, number, unit, cue, quiet] = [
  h("h1"),
  h("span", { class: "number" }),
  h("span", { class: "unit" }),
  h("p", { class: "cue", "aria-live": "polite" }),
  h("p", { class: "quiet" }, "Sound is off until you press a key or click."),
];
let given_ms = -Infinity;

document.querySelector("#main").append(what, h("p", { class: "giant" }, number, unit), cue, quiet);

/** What is shown of the metric that the cue watches: [words, number, unit]. */
const shown = {
  pattern() {
    const feet = FEET.map((side) => seen(store, "toes", side).figure).filter((one) => one?.n);
    if (!feet.length) return ["toes first", NONE, why("toes", "left")];
    const sum = (key) => feet.reduce((all, one) => all + one[key], 0);
    return ["toes first", fixed(sum("toe_first")), `of ${sum("n")}`];
  },
  drop: () => worst("drop_deg", 1, (a, b) => b - a),
  cadence() {
    const { figure } = seen(store, "cadence_spm");
    return ["cadence", figure ? fixed(figure.value) : NONE, figure ? "steps/min" : why("cadence_spm")];
  },
  foot_angle: () => worst("foot_angle_deg", 0, (a, b) => a - b),
  none: () => ["", NONE, "no cue is chosen"],
};

const why = (name, side) => seen(store, name, side).why;

/** Of the two sides, the one that the cue is about. */
function worst(name, digits, order) {
  const sides = FEET.map((side) => [seen(store, name, side).figure?.value, side]).filter(([value]) => value != null);
  const words = METRICS[store.doc.cue.metric];
  if (!sides.length) return [words, NONE, why(name, "left")];
  const [value, side] = sides.sort(([a], [b]) => order(a, b))[0];
  return [`${words}, ${side}`, `${fixed(value, digits)}\u00b0`, name === "drop_deg" && limitOf(store.doc) != null ? `limit ${fixed(limitOf(store.doc), 1)}\u00b0` : ""];
}

const WAITING = { setup: "getting ready", ready: "ready", ending: "done", ended: "done" };

function draw() {
  const { stage, cue: set } = store.doc;
  const [words, value, more] = stage === "recording" ? (shown[set?.metric] ?? shown.none)() : ["", NONE, WAITING[stage] ?? "connecting"];
  text(what, words || "Retrogait");
  attr(what, "class", words ? null : "unseen");
  text(number, value);
  number.style.setProperty("--wide", Math.max(wide(value), wide(WIDEST[set?.metric] ?? "")));
  attr(number, "class", `number${value === NONE ? " none" : ""}`);
  text(unit, more);
  document.body.classList.toggle("waiting", !words);
  const stands = performance.now() - given_ms < CUE_STANDS_MS && !store.silent;
  if (!stands) text(cue, "");
  document.body.classList.toggle("cued", stands);
  show(quiet, sound && !sound.on);
}

store.listen((message) => {
  if (message.type === "event" && message.event === "cue") {
    given_ms = performance.now();
    cue.replaceChildren(h("span", { class: "flash" }, message.say));
    if (!store.doc.cue?.muted) sound?.cue(message, store.doc.cue?.sound);
  }
  draw();
});
banner(store, document.querySelector("#banner"));
new Socket(store);
draw();
