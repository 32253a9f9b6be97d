// Before the recording: who, which sensors, standing still, what to make sure of, belt and protocol, and then the start.

import { attr, button, h, list, show, text } from "/page/dom.js";
import { beltCard, protocolCard } from "/page/setup_belt.js";
import { checksCard, leftBehindCard, personCard } from "/page/setup_person.js";
import { calibrationCard, sensorsCard } from "/page/setup_sensors.js";
import { counted } from "/page/words.js";

export function setupView(app) {
  const cards = [leftBehindCard, personCard, protocolCard, sensorsCard, calibrationCard, checksCard, beltCard].map((make) =>
    make(app),
  );
  const wanted = h("ul", { class: "wanted" });
  const all = h("p", { class: "all-there" }, "Everything is there.");
  const start = button("Start recording", () => app.send({ do: "start" }));
  const node = h(
    "div",
    { class: "setup" },
    h("h1", { tabindex: "-1" }, "Set-up"),
    h("div", { class: "cards" }, cards.map((card) => card.node)),
    h(
      "section",
      { class: "bottom", "aria-label": "Start" },
      h("div", { class: "still-wanted" }, h("h2", {}, "Before you start"), wanted, all),
      start,
    ),
  );
  return {
    node,
    draw() {
      cards.forEach((card) => card.draw());
      const missing = lacking(app.store.doc);
      list(wanted, missing, (words) => words, (words) => h("li", {}, words));
      show(wanted, missing.length);
      show(all, !missing.length);
      const ready = app.store.doc.stage === "ready" || !missing.length;
      text(start, ready ? "Start recording" : "Start anyway");
      attr(start, "class", ready ? "primary" : null);
    },
  };
}

/** What a person would want to do before the start. Whether it can start is the desk's to say. */
function lacking(doc) {
  const streaming = (doc.links ?? []).filter((link) => link.state === "streaming").map((link) => link.sensor);
  const feet = streaming.filter((sensor) => sensor.startsWith("foot")).length;
  const open = (doc.checks ?? []).filter((check) => !check.done).length;
  const misplaced = (doc.placement ?? []).filter((one) => one.ok === false).length;
  return [
    !doc.session?.subject && "choose a subject code",
    feet < 2 && `${counted(2 - feet, "foot sensor")} missing`,
    !streaming.includes("pelvis") && "no pelvis sensor: no pelvic drop",
    misplaced && `look at how ${misplaced === 1 ? "a sensor is" : "sensors are"} placed`,
    doc.calibration && doc.calibration.state !== "done" && "stand still",
    open && `${counted(open, "safety check")} open`,
    doc.belt?.source === "none" && "belt speed not known",
  ].filter(Boolean);
}
