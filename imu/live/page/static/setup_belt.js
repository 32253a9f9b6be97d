// The belt's speed, typed or read from the treadmill, and the protocol.

import { field, h, labelled, list, show, text } from "/page/dom.js";
import { NONE, first, fixed, lasting, metresPerSecond, otherSpeeds } from "/page/words.js";

const UNITS = ["m/s", "km/h", "mph"];

/** A speed with its unit, and what to do with it. */
export function speedForm(app, done = () => {}) {
  const speed = h("input", { type: "number", min: 0, max: 10, step: "any", inputmode: "decimal", required: true });
  const unit = h("select", {}, UNITS.map((value) => h("option", { value }, value)));
  const node = h(
    "form",
    {
      class: "row speed",
      on: {
        submit: (event) => {
          event.preventDefault();
          app.send({ do: "belt", speed: `${speed.value}${unit.value}` });
          done();
        },
      },
    },
    labelled("Belt speed", speed),
    labelled("Unit", unit),
    h("button", { type: "submit" }, "Set"),
  );
  return { node, speed };
}

/** Where the belt's speed is from, in words. */
export function beltSource(belt) {
  return { treadmill: "read from the treadmill", typed: "typed in" }[belt?.source] ?? "not known";
}

export function beltCard(app) {
  const now = h("p", { class: "figure-line" });
  const source = h("p", { class: "state" });
  const form = speedForm(app);
  const node = h("section", { class: "card", "aria-labelledby": "belt" }, h("h2", { id: "belt" }, "Belt"), now, source, form.node);
  return {
    node,
    draw() {
      const { belt } = app.store.doc;
      const known = belt && belt.source !== "none" && belt.speed_m_s != null;
      text(now, app.store.silent ? NONE : known ? metresPerSecond(belt.speed_m_s) : "speed not known");
      text(
        source,
        known
          ? `${otherSpeeds(belt.speed_m_s)}; ${beltSource(belt)}${belt.incline_pct ? `; incline ${fixed(belt.incline_pct, 1)} %` : ""}`
          : "No treadmill tells it. Type it here, also while the belt runs.",
      );
      show(form.node, belt?.source !== "treadmill");
    },
  };
}

const FREE = { name: null, title: "None: free walking" };

export function protocolCard(app) {
  const choices = h("div", { class: "choices" });
  const phases = h("ol", { class: "phases-list" });
  const node = h(
    "section",
    { class: "card", "aria-labelledby": "protocol" },
    h("h2", { id: "protocol" }, "Protocol"),
    h("fieldset", {}, h("legend", {}, "What will be done"), choices),
    phases,
  );
  return {
    node,
    draw() {
      const { protocol, protocols = protocol ? [protocol] : [] } = app.store.doc;
      list(
        choices,
        [...protocols, FREE],
        (one) => one.name,
        (one) => {
          const radio = h("input", {
            type: "radio",
            name: "protocol",
            value: one.name ?? "",
            on: { change: () => app.send({ do: "protocol", name: one.name }) },
          });
          return h("label", { class: "check" }, radio, h("span", {}, one.title ?? first(one.name.replaceAll("-", " "))));
        },
        (label, one) => field(label.querySelector("input"), one.name === (protocol?.name ?? null)),
      );
      list(phases, protocol?.phases ?? [], (phase) => phase.id, () => h("li"), (item, phase) => {
        const limit = phase.max_speed_m_s ? `, at most ${metresPerSecond(phase.max_speed_m_s)}` : "";
        text(item, `${phase.title}: ${lasting(phase)}${limit}`);
      });
    },
  };
}
