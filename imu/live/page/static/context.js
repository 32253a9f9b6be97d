// Beside the three figures: direction, belt, own speed, heart, and how each sensor's link fares.

import { button, h, list, show, text } from "/page/dom.js";
import { seen } from "/page/figures.js";
import { arrow } from "/page/pictures.js";
import { beltSource } from "/page/setup_belt.js";
import { DIRECTIONS, LOW_BATTERY_PCT, NONE, SENSORS, STATES, counted, first, fixed, metresPerSecond, otherSpeeds } from "/page/words.js";

const fact = (words, ...children) => {
  const [value, more] = [h("dd", { class: "value" }), h("dd", { class: "more" })];
  return { node: h("div", { class: "fact" }, h("dt", {}, words), value, more, ...children), value, more };
};

export function contextView(store, changeBelt) {
  const which = arrow();
  const change = button("Change", changeBelt, { class: "small", "aria-label": "Change the belt speed" });
  const direction = fact("Direction");
  const belt = fact("Belt speed", h("dd", {}, change));
  const [speed, angle, heart] = [fact("Walking speed"), fact("Foot angle at contact"), fact("Heart rate")];
  const turned = h("span");
  direction.value.append(which, turned);
  const links = h("ul", { class: "plain links", "aria-label": "Sensors" });
  return {
    node: h(
      "section",
      { class: "context card", "aria-label": "Direction, speed and sensors" },
      h("dl", { class: "facts" }, [direction, belt, speed, angle, heart].map((one) => one.node)),
      links,
    ),
    draw() {
      const way = seen(store, "direction");
      which.classList.value = `arrow ${way.figure ?? "none"}`;
      text(turned, way.figure ? DIRECTIONS[way.figure] : NONE);
      text(direction.more, way.why);
      drawBelt(store, belt, change);
      const own = seen(store, "speed_m_s");
      text(speed.value, own.figure ? metresPerSecond(Math.abs(own.figure.value)) : NONE);
      text(speed.more, own.figure ? `over ${counted(own.figure.n, "stride")}${own.why ? `; ${own.why}` : ""}` : own.why);
      drawAngle(store, angle);
      const { heart_bpm: beats } = store.doc;
      show(heart.node, beats != null);
      text(heart.value, store.silent ? NONE : `${fixed(beats)} /min`);
      list(links, store.doc.links ?? [], (link) => link.sensor, makeLink, (item, link) => drawLink(item, link, store.silent));
    },
  };
}

function drawBelt(store, belt, change) {
  const told = store.doc.belt;
  const known = told?.speed_m_s != null && told.source !== "none";
  const shown = known && !store.silent;
  text(belt.value, shown ? metresPerSecond(told.speed_m_s) : NONE);
  const incline = told?.incline_pct ? `; incline ${fixed(told.incline_pct, 1)} %` : "";
  const why = store.silent ? store.whySilent : `${told?.note || "not known"}: type it in`;
  text(belt.more, shown ? `${beltSource(told)}; ${otherSpeeds(told.speed_m_s)}${incline}` : why);
  show(change, told?.source !== "treadmill");
}

function drawAngle(store, angle) {
  const [left, right] = ["left", "right"].map((side) => seen(store, "foot_angle_deg", side));
  const degrees = (one) => (one.figure ? `${fixed(one.figure.value)}\u00b0` : NONE);
  text(angle.value, `${degrees(left)} / ${degrees(right)}`);
  text(angle.more, left.figure || right.figure ? "left / right; below 0: toes down" : left.why);
}

function makeLink({ sensor }) {
  return h("li", {}, h("span", { class: "lamp", "aria-hidden": "true" }), h("strong", {}, first(SENSORS[sensor])), h("span"));
}

const LAMPS = { left_out: NONE, streaming: "\u2713", connected: "\u2026", looking: "?", silent: "\u25b2" };

function drawLink(item, link, silent) {
  const [lamp, , words] = item.children;
  const low = link.battery_pct != null && link.battery_pct < LOW_BATTERY_PCT;
  item.className = silent ? "unknown" : link.state;
  text(lamp, silent ? NONE : LAMPS[link.state]);
  const parts = [
    STATES[link.state],
    link.battery_pct != null && `${fixed(link.battery_pct)} %${low ? " battery, low" : ""}`,
    link.lost && `${link.lost} lost`,
    link.state !== "streaming" && link.note,
  ];
  text(words, silent ? "not known" : parts.filter(Boolean).join(", "));
}
