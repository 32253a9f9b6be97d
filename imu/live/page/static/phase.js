// Where the protocol is, how long that lasts, and what comes next.

import { attr, h, list, show, text } from "/page/dom.js";
import { NONE, clock, countdown, fixed, lasting, metresPerSecond } from "/page/words.js";

export function phaseView(store) {
  const [title, of, left, left_unit, next, say, stand] = [
    h("span", { class: "title" }),
    h("span", { class: "of" }),
    h("span", { class: "left" }),
    h("span", { class: "unit" }),
    h("span", { class: "next" }),
    h("p"),
    h("p", { class: "stand" }),
  ];
  const steps = h("ol", { class: "phases", "aria-label": "Phases" });
  const node = h(
    "section",
    { class: "phase card", "aria-label": "Phase" },
    h("h2", { class: "now" }, title),
    h("p", { class: "time" }, left, left_unit),
    next,
    h("div", { class: "do" }, of, say, stand),
    steps,
  );
  return {
    node,
    draw() {
      const { protocol, clock: at } = store.doc;
      const phases = protocol?.phases ?? [];
      const here = phases[protocol?.at];
      const most = here?.max_speed_m_s ? `, at most ${metresPerSecond(here.max_speed_m_s)}` : "";
      text(title, here?.title ?? (protocol ? "All phases are done" : "Free walking"));
      text(of, here ? `phase ${protocol.at + 1} of ${phases.length}${most}` : protocol ? "" : "no protocol");
      const [time, unit] = store.silent ? [NONE, ""] : remaining(protocol, here, at);
      text(left, time);
      text(left_unit, unit);
      const set = protocol?.target_m_s == null ? "" : `Set the belt to ${metresPerSecond(protocol.target_m_s)}.`;
      text(say, [here && (protocol.say ?? here.say), set].filter(Boolean).join(" "));
      show(say, say.textContent);
      text(stand, standing(store.doc.calibration));
      show(stand, stand.textContent && !store.silent);
      const coming = phases[protocol?.at + 1]?.title ?? protocol?.next;
      text(next, coming ? `next: ${coming}` : here ? "the last phase" : "");
      node.classList.toggle("paused", Boolean(protocol?.paused));
      list(steps, phases, (phase) => phase.id, () => h("li"), (item, phase) => {
        const i = phases.indexOf(phase);
        text(item, `${i < protocol.at ? "\u2713 " : ""}${phase.title}`);
        attr(item, "aria-current", i === protocol.at ? "step" : null);
        attr(item, "title", lasting(phase));
        attr(item, "class", i < protocol.at ? "past" : null);
      });
    },
  };
}

/** Until standing is known, the angles of the pelvis have nothing to be measured against. */
function standing(calibration) {
  if (!calibration || calibration.state === "done") return "";
  const { state, still_s, need_s } = calibration;
  if (state === "walking") return `Standing is not known yet: for it, stand still for ${fixed(need_s, 0)} s.`;
  const so_far = state === "standing" ? `${fixed(still_s, 1)} of ${fixed(need_s, 0)} s` : `${fixed(need_s, 0)} s wanted`;
  return `Standing is not known yet: both feet still, ${so_far}.`;
}

/** Time of a phase, and what it means. */
function remaining(protocol, here, at) {
  if (protocol?.paused) return ["paused", at ? `after ${clock(at.phase_s)}` : ""];
  if (here && protocol.ends_by === "time" && protocol.left_s != null) return [countdown(protocol.left_s), "left"];
  const ends = { "belt stopped": "until the belt has stopped", distance: "until the distance is walked", button: "until Next is pressed" }[protocol?.ends_by];
  return [clock(here ? at?.phase_s : at?.elapsed_s), here && ends ? ends : "so far"];
}
