// The sensors: found, shaken to be told apart, given their places; and the person, standing still.

import { attr, button, field, h, list, options, show, text } from "/page/dom.js";
import { bars, ring } from "/page/pictures.js";
import { LOW_BATTERY_PCT, NONE, SENSORS, STATES, battery, first, fixed, signal } from "/page/words.js";

export function sensorsCard(app) {
  const tiles = h("ul", { class: "plain tiles" });
  const none = h("p", { class: "state" }, "No sensor is in the air. Take them off the charger, or move them: most sleep when they lie still.");
  const placement = h("ul", { class: "plain placement" });
  const node = h(
    "section",
    { class: "card wide", "aria-labelledby": "sensors" },
    h(
      "div",
      { class: "row" },
      h("h2", { id: "sensors" }, "Sensors"),
      button("Look again", () => app.send({ do: "scan" })),
    ),
    h("p", { class: "hint" }, "Shake one: its tile lights up. Then say where it is worn."),
    tiles,
    none,
    placement,
  );
  return {
    node,
    draw() {
      const sensors = together(app.store.doc);
      list(tiles, sensors, (one) => one.serial, (one) => tile(app, one), drawTile);
      show(none, !sensors.length);
      const wrong = app.store.doc.placement ?? [];
      list(placement, wrong, (one) => one.sensor, () => h("li"), (item, one) => {
        const [how, sign] = { true: ["good", "\u2713"], false: ["wrong", "\u25b2"] }[one.ok] ?? ["open", "\u2026"];
        attr(item, "class", how);
        text(item, `${sign} ${first(SENSORS[one.sensor])}: ${one.text}`);
      });
      show(placement, wrong.length);
    },
  };
}

/** One entry a sensor, whether it is in the air, worn, or both. */
function together({ found = [], links = [] }) {
  const all = new Map(found.map((one) => [one.serial, { ...one }]));
  for (const link of links) {
    const { serial, sensor, shaken, battery_pct } = link;
    const known = all.get(serial) ?? { serial, rssi_dbm: null };
    all.set(serial, {
      ...known,
      sensor,
      link,
      shaken: shaken || known.shaken,
      battery_pct: battery_pct ?? known.battery_pct,
    });
  }
  const places = [...Object.keys(SENSORS), null];
  const place = (one) => places.indexOf(one.sensor ?? null);
  return [...all.values()].sort((a, b) => place(a) - place(b) || (a.serial < b.serial ? -1 : 1));
}

function tile(app, { serial }) {
  let worn = null;
  const role = h("select", {
    "aria-label": `Where ${serial} is worn`,
    on: {
      change: () =>
        app.send(role.value ? { do: "bind", serial, sensor: role.value } : { do: "unbind", sensor: worn }),
    },
  });
  options(role, [["", "not worn"], ...Object.entries(SENSORS).map(([sensor, words]) => [sensor, first(words)])]);
  const strength = bars();
  const line = (name) => h("p", { class: name });
  const parts = { state: line("state"), link: h("span"), power: line("power"), note: line("note") };
  const shaken = h("span", { class: "shaken-word" }, "shaken");
  const node = h(
    "li",
    { class: "tile" },
    h("div", { class: "row" }, h("strong", {}, serial), shaken),
    role,
    parts.state,
    h("p", { class: "strength" }, strength.node, parts.link),
    parts.power,
    parts.note,
  );
  node.redraw = (one) => {
    worn = one.sensor ?? null;
    field(role, one.sensor ?? "");
    node.classList.toggle("shaken", Boolean(one.shaken));
    node.classList.toggle("worn", Boolean(one.sensor));
    show(shaken, one.shaken);
    const { link } = one;
    const rate = link?.rate_hz ? `, ${fixed(link.rate_hz)} samples/s` : "";
    text(parts.state, app.store.silent ? `Link: ${NONE}` : link ? `Link: ${STATES[link.state]}${link.state === "streaming" ? rate : ""}` : (one.model ?? ""));
    parts.state.className = `state ${link ? link.state : ""}`;
    const heard = signal(one.rssi_dbm);
    const lost = link?.lost ? `, ${link.lost} samples lost` : "";
    strength.fill(heard.bars);
    text(parts.link, heard.word + lost);
    const low = one.battery_pct != null && one.battery_pct < LOW_BATTERY_PCT;
    text(parts.power, `${first(battery(one.battery_pct))}${low ? ": charge it" : ""}`);
    parts.power.classList.toggle("wrong", low);
    text(parts.note, link?.note ?? "");
    show(parts.note, link?.note);
  };
  return node;
}

const drawTile = (node, one) => node.redraw(one);

/** Standing still, both feet: down is found from it, and what the pelvis is measured against. */
export function calibrationCard(app) {
  const circle = ring();
  const seconds = h("span", { class: "ring-text" });
  const words = h("p", { class: "state", role: "status" });
  const node = h(
    "section",
    { class: "card", "aria-labelledby": "stand" },
    h("h2", { id: "stand" }, "Stand still"),
    h("div", { class: "standing" }, h("div", { class: "ring-box" }, circle.node, seconds), words),
  );
  return {
    node,
    draw() {
      const { calibration } = app.store.doc;
      show(node, calibration);
      const { state = "none", still_s = 0, need_s = 3 } = calibration ?? {};
      const done = state === "done";
      const share = done ? 1 : Math.min(1, still_s / need_s);
      circle.fill(share);
      node.classList.toggle("done", done);
      text(seconds, app.store.silent ? NONE : done ? "\u2713" : `${fixed(state === "standing" ? still_s : 0, 1)} s`);
      text(
        words,
        {
          none: `Both feet on the ground, look ahead, ${fixed(need_s)} seconds without moving. It begins by itself.`,
          walking: `Walking. To go on: stand still for ${fixed(need_s)} seconds.`,
          standing: "Stay like this.",
          done: "Done: standing is known. Let the person stand still once more when the recording has begun.",
        }[state],
      );
    },
  };
}
