// The three figures that are read from two metres away. None is left standing when it is old, and none lacks its reason.

import { h, show, text } from "/page/dom.js";
import { foot } from "/page/pictures.js";
import { DIRECTIONS, FEET, NONE, PATTERNS, SENSORS, counted, first, fixed, sessionName } from "/page/words.js";

const MISSING = {
  cadence_spm: "no steps just now",
  speed_m_s: "no steps just now",
  direction: "no steps just now",
  toes: "no contacts just now",
  drop_deg: "no clean steps on this leg just now",
  foot_angle_deg: "no contacts just now",
};

/** A figure that may be shown, or why there is none: {figure, why, grey}. */
export function seen(store, name, side) {
  const { figures, greyed = {}, links = [] } = store.doc;
  if (store.silent) return { why: store.whySilent };
  if (!figures || figures.age_s == null) return { why: unheard(links) ? "no sensor is heard" : "no steps yet" };
  // which steps are old is judged by the desk, who knows how slowly they walk
  if (store.old(figures.age_s)) return { why: "no sensor is heard" };
  const figure = (side ? figures[name]?.[side] : figures[name]) ?? undefined;
  const reason = (side && greyed[`${name}.${side}`]) || greyed[name];
  if (figure !== undefined) return { figure, why: reason ?? "", grey: Boolean(reason) };
  return { why: lacking(name, side, links) ?? reason ?? (figures.contacts ? MISSING[name] : "no steps yet") };
}

const unheard = (links) => links.length > 0 && links.every((link) => link.state !== "streaming");

/** Which sensor a figure lacks; a drop is of steps, and those take both feet. */
function lacking(name, side, links) {
  const needed = name === "drop_deg" ? ["pelvis", `foot_${side}`, "foot_left", "foot_right"] : side ? [`foot_${side}`] : [];
  return links.length ? (needed.map((sensor) => absent(sensor, links)).find(Boolean) ?? null) : null;
}

function absent(sensor, links) {
  const words = SENSORS[sensor];
  const state = links.find((one) => one.sensor === sensor)?.state;
  if (!state) return `no sensor on the ${words}`;
  if (state === "left_out") return `the sensor on the ${words} is no part of this recording`;
  return state === "streaming" ? null : `the sensor on the ${words} is ${state === "silent" ? "silent" : "not there"}`;
}

const uncertainty = (figure, digits, unit) => (figure?.sd == null ? "" : `\u00b1 ${fixed(figure.sd, digits)}${unit}`);

/** What the person's own earlier walking was, and where that is from. */
export function ownSource({ direction, source = "" }) {
  const from = source.replace(/^session (.+)$/, (_, id) => `session ${sessionName(id)}`);
  return [DIRECTIONS[direction], from].filter(Boolean).join(", ");
}

/** Cadence, toes first, pelvic drop. */
export function figuresView(store) {
  const cards = [cadence(store), toes(store), drop(store)];
  return {
    node: h("section", { class: "figures", "aria-label": "Figures" }, cards.map((card) => card.node)),
    draw: () => cards.forEach((card) => card.draw()),
  };
}

function big(card, number, why, { value, grey }) {
  text(number, value);
  card.classList.toggle("grey", Boolean(grey));
  card.classList.toggle("none", value === NONE);
  text(why.node, why.text);
  show(why.node, why.text);
}

function cadence(store) {
  const number = h("span", { class: "number" });
  const why = h("p", { class: "why" });
  const more = h("p", { class: "more" });
  const own = h("p", { class: "own" });
  const node = h(
    "article",
    { class: "card figure", id: "cadence" },
    h("h2", {}, "Cadence"),
    h("p", { class: "giant" }, number, h("span", { class: "unit" }, "steps/min")),
    more,
    own,
    why,
  );
  return {
    node,
    draw() {
      const { figure, why: reason, grey } = seen(store, "cadence_spm");
      big(node, number, { node: why, text: reason }, { value: figure ? fixed(figure.value) : NONE, grey });
      text(more, figure ? `${uncertainty(figure, figure.sd < 1 ? 1 : 0, "")} over ${counted(figure.n, "step")}` : "");
      const before = store.doc.baseline?.cadence_spm;
      text(own, before == null ? "" : `own: ${fixed(before)} (${ownSource(store.doc.baseline)})`);
    },
  };
}

function toes(store) {
  const each = FEET.map((side) => {
    const print = foot(side);
    const [number, of, last, why] = [
      h("span", { class: "number" }),
      h("span", { class: "unit" }),
      h("p", { class: "more" }),
      h("p", { class: "why" }),
    ];
    const node = h(
      "div",
      { class: "of-foot", id: `toes-${side}` },
      h("h3", {}, first(side)),
      print.node,
      h("p", { class: "giant" }, number, of),
      last,
      why,
    );
    return {
      node,
      draw() {
        const { figure, why: reason, grey } = seen(store, "toes", side);
        big(node, number, { node: why, text: reason }, { value: figure?.n ? fixed(figure.toe_first) : NONE, grey });
        text(of, figure?.n ? `of ${figure.n}` : "");
        text(last, figure ? `last: ${PATTERNS[figure.last] ?? figure.last}` : "");
        print.fill(figure?.n ? figure.toe_first / figure.n : 0);
      },
    };
  });
  return {
    node: h(
      "article",
      { class: "card figure", id: "toes" },
      h("h2", {}, "Toes first", h("span", { class: "aside" }, "last 10 contacts")),
      h("div", { class: "two" }, each.map((one) => one.node)),
    ),
    draw: () => each.forEach((one) => one.draw()),
  };
}

const SCALE_DEG = 12;

function drop(store) {
  const each = FEET.map((side) => dropOf(store, side));
  const key = h("p", { class: "key" });
  return {
    node: h("article", { class: "card figure", id: "drop" }, h("h2", {}, "Pelvic drop"), each.map((one) => one.node), key),
    draw() {
      each.forEach((one) => one.draw());
      const { baseline } = store.doc;
      const limit = limitOf(store.doc);
      const own = baseline?.drop_deg ? `\u25c6 own: ${ownSource(baseline)}` : "no walk of their own to compare with yet";
      text(key, [limit == null ? "no limit set" : `\u2506 limit ${fixed(limit, 1)}\u00b0`, own].join(" \u00a0 "));
    },
  };
}

/** The limit that is set for the drop. */
export function limitOf(doc) {
  return doc.limits?.drop_deg ?? (doc.cue?.metric === "drop" ? doc.cue.high : null);
}

function dropOf(store, side) {
  const [number, sd, why, verdict] = [
    h("span", { class: "number" }),
    h("span", { class: "unit" }),
    h("p", { class: "why" }),
    h("span", { class: "verdict" }),
  ];
  const [bar, whisker, limit, own] = ["bar", "whisker", "limit", "own-mark"].map((name) => h("span", { class: name }));
  const node = h(
    "div",
    { class: "of-drop", id: `drop-${side}` },
    h("h3", {}, `${first(side)} stance`, verdict),
    h("p", { class: "giant" }, number, sd),
    h("div", { class: "scale", "aria-hidden": "true" }, bar, whisker, limit, own),
    why,
  );
  return {
    node,
    draw() {
      const { figure, why: reason, grey } = seen(store, "drop_deg", side);
      big(node, number, { node: why, text: reason }, { value: figure ? `${fixed(figure.value, 1)}\u00b0` : NONE, grey });
      text(sd, uncertainty(figure, 1, "\u00b0"));
      const [most, before] = [limitOf(store.doc), store.doc.baseline?.drop_deg?.[side]];
      const scale = Math.max(SCALE_DEG, figure?.value ?? 0, most ?? 0, before ?? 0);
      place(bar, figure && 0, figure && figure.value / scale);
      place(whisker, figure?.sd != null ? (figure.value - figure.sd) / scale : null, (2 * figure?.sd) / scale);
      place(limit, most == null ? null : most / scale);
      place(own, before == null ? null : before / scale);
      const said = figure && !grey && most != null ? against(figure, most) : "";
      text(verdict, said);
      node.classList.toggle("over", said.startsWith("\u25b2"));
    },
  };
}

/** A mean that lies within its own uncertainty of the limit is on neither side of it. */
function against({ value, sd }, limit) {
  if (Math.abs(value - limit) <= (sd ?? 0)) return "about at the limit";
  return value > limit ? "\u25b2 over the limit" : "within the limit";
}

function place(node, left, width) {
  show(node, left != null);
  if (left == null) return;
  node.style.left = `${100 * Math.max(0, left)}%`;
  if (width !== undefined) node.style.width = `${100 * Math.max(0, width)}%`;
}
