// One cue at a time: what it watches, within which band, after how many steps, and how it sounds.

import { attr, button, field, h, labelled, options, show, text } from "/page/dom.js";
import { METRICS } from "/page/words.js";

const BANDS = {
  drop: { high: "At most (\u00b0)" },
  cadence: { low: "At least (steps/min)", high: "At most (steps/min)" },
  foot_angle: { low: "At least (\u00b0)", high: "At most (\u00b0)" },
};
// where a band begins that nobody has set: what clinics call a lot of drop, and a tenth around one's own cadence
const DROP_DEG = 5;
const CADENCE_SHARE = 0.1;
const BEATS_SPM = 90;

/** The panel; `mute` is what the key m does. */
export function cueView(app, mute) {
  const set = (key, value) => app.send({ do: "cue", [key]: value });
  const number = (key, props) => {
    const input = h("input", {
      type: "number",
      step: "any",
      inputmode: "decimal",
      ...props,
      on: { change: () => input.reportValidity() && set(key, input.value === "" ? null : Number(input.value)) },
    });
    return input;
  };
  const metric = h("select", { on: { change: () => app.send({ do: "cue", metric: metric.value, ...usual(metric.value, app.store.doc) }) } });
  options(metric, Object.entries(METRICS));
  const [low, high] = [number("low"), number("high")];
  const hold = number("hold", { min: 1, max: 20, step: 1, required: true });
  const sound = h("select", { on: { change: () => set("sound", sound.value) } });
  options(sound, [["tone", "tone"], ["speech", "speech"]]);
  const box = (words, change) => {
    const input = h("input", { type: "checkbox", on: { change: () => change(input.checked) } });
    return { input, node: h("label", { class: "check" }, input, h("span", {}, words)) };
  };
  const fade = box("Fade: fewer and fewer blocks with the cue", (on) => set("fade", on));
  const beats = number("metronome_spm", { min: 20, max: 240, step: 1 });
  const beating = box("Metronome", (on) => set("metronome_spm", on ? Math.round(app.store.doc.baseline?.cadence_spm ?? BEATS_SPM) : null));
  const silence = button([h("span", {}, "Mute"), h("kbd", { "aria-hidden": "true" }, "m")], mute, { "aria-keyshortcuts": "M" });
  const state = h("p", { class: "state" });
  const said = h("p", { class: "cue-said", "aria-live": "polite" });
  let given = null;
  const fields = {
    low: labelled("At least", low),
    high: labelled("At most", high),
    hold: labelled("Steps outside before it sounds", hold),
    beats: labelled("Beats/min", beats),
  };
  const mirror = h("a", { href: "/mirror", target: "_blank", rel: "noopener" }, "Open the mirror for the trainee (new tab)");
  const node = h(
    "section",
    { class: "cue card", "aria-labelledby": "cue-title" },
    h("div", { class: "row" }, h("h2", { id: "cue-title" }, "Cue"), silence),
    h("div", { class: "cue-now" }, state, said),
    h("div", { class: "fields" }, labelled("Watch", metric), fields.low, fields.high, fields.hold, labelled("As", sound)),
    fade.node,
    h("div", { class: "row start" }, beating.node, fields.beats),
    mirror,
  );
  return {
    node,
    draw() {
      const cue = app.store.doc.cue ?? {};
      const band = BANDS[cue.metric];
      for (const [control, value] of [[metric, cue.metric], [low, cue.low], [high, cue.high], [hold, cue.hold], [sound, cue.sound], [fade.input, cue.fade], [beats, cue.metronome_spm], [beating.input, cue.metronome_spm != null]])
        field(control, value);
      for (const name of ["low", "high"]) {
        show(fields[name], band?.[name]);
        if (band?.[name]) text(fields[name].firstChild, band[name]);
      }
      const watching = cue.metric && cue.metric !== "none";
      show(fields.hold, watching);
      show(fade.node, watching);
      show(fields.beats, cue.metronome_spm != null);
      attr(silence, "aria-pressed", String(Boolean(cue.muted)));
      text(state, app.store.silent ? `Not known: ${app.store.whySilent}.` : stateOf(cue, watching));
      const now = app.cue();
      // words that come again are new ones, to the eye and to who has them read out
      if (now !== given) said.replaceChildren(now ? h("span", { class: "flash" }, now.say) : "");
      given = now;
      show(said, now);
    },
  };
}

/** The band that a metric begins with: that of another metric means nothing to it. */
function usual(metric, { baseline }) {
  const own = baseline?.cadence_spm;
  if (metric === "drop") return { low: null, high: DROP_DEG };
  if (metric === "cadence" && own != null)
    return { low: Math.round(own * (1 - CADENCE_SHARE)), high: Math.round(own * (1 + CADENCE_SHARE)) };
  return { low: null, high: null };
}

function stateOf(cue, watching) {
  if (!watching) return cue.metronome_spm == null ? "No cue." : "The metronome beats.";
  if (BANDS[cue.metric] && cue.low == null && cue.high == null) return "No limit is set: it will not sound.";
  const given = cue.given ? `given ${cue.given === 1 ? "once" : `${cue.given} times`}` : "none given yet";
  if (cue.held) return `Held back: ${cue.held}; ${given}.`;
  return `${cue.on ? "On" : "Off in this block, to fade"}${cue.muted ? ", muted" : ""}; ${given}.`;
}
