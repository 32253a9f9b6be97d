// After the recording: what is in the session, where it lies, and what to do with it.

import { attr, button, h, list, show, text } from "/page/dom.js";
import { DIRECTIONS, NONE, clock, counted, first, fixed, sessionName } from "/page/words.js";

/** What the table shows of each direction: words, where it stands in summary.json, digits, unit, factor. */
const ROWS = [
  ["Contacts", "contacts", 0, ""],
  ["Cadence", "cadence_spm", 1, "steps/min"],
  ["Toes first, left", "toe_first_share.left", 0, "%", 100],
  ["Toes first, right", "toe_first_share.right", 0, "%", 100],
  ["Pelvic drop, left stance", "pelvic_drop_deg.left", 1, "\u00b0"],
  ["Pelvic drop, right stance", "pelvic_drop_deg.right", 1, "\u00b0"],
  ["Stride length", "stride_length_m", 2, "m"],
  ["Speed", "speed_m_s", 2, "m/s"],
  ["Stance, share of the stride", "stance_fraction", 0, "%", 100],
  ["Step time, right against left", "step_time_asymmetry_pct", 1, "%"],
];
const ORDER = ["backward", "forward", "in_place", "uncertain"];

export function endView(app) {
  const [title, state, path, problem] = [
    h("h1", { tabindex: "-1" }),
    h("p", { class: "lead", role: "status" }),
    h("p", { class: "path" }),
    h("p", { class: "wrong" }),
  ];
  const [head, body] = [h("tr", { role: "row" }), h("tbody", { role: "rowgroup" })];
  const caption = h("caption", {}, "Means over clean steps; \u00b1 is the spread from step to step");
  const table = h(
    "div",
    { class: "table", role: "group", "aria-label": "Table of the summary", tabindex: "0" },
    // what a narrow window lays out in blocks stays a table to who listens: the roles say so
    h("table", { role: "table" }, caption, h("thead", { role: "rowgroup" }, head), body),
  );
  const next = h("ul", { class: "next-list" });
  const [summary, after] = [
    h("section", { class: "card", "aria-labelledby": "summary" }, h("div", { class: "row" }, h("h2", { id: "summary" }, "Summary"), button("Print", () => print(), { class: "small hand" })), table),
    h("section", { class: "card", "aria-labelledby": "what-next" }, h("h2", { id: "what-next" }, "Next"), next),
  ];
  return {
    node: h("div", { class: "finish" }, title, state, problem, path, summary, after),
    draw() {
      const { stage, session = {}, summary: made, clock: at } = app.store.doc;
      const ended = stage === "ended";
      text(title, ended ? `Session ${session.subject} ${sessionName(session.session)}` : "Writing the session");
      const found = made?.summary;
      const facts = [
        `Recorded ${clock(found?.duration_s ?? at?.elapsed_s)}.`,
        made?.cues_given != null && `${made.cues_given ? counted(made.cues_given, "cue") : "No cue"} given.`,
        ...few(found).map(([direction, { contacts }]) => `${counted(contacts, "contact")} ${DIRECTIONS[direction]}.`),
        session.simulated && "Simulated: not a person.",
      ];
      text(state, ended ? facts.filter(Boolean).join(" ") : "The recording has ended. Do not close the program yet.");
      text(problem, made?.problem ?? "");
      show(problem, made?.problem);
      text(path, made?.folder ? `It lies in ${made.folder}` : "");
      show(summary, found);
      show(after, ended);
      if (found) drawTable(head, body, columns(found, made.against));
      list(next, ended ? coming(made) : [], (one) => one.text, (one) => h("li", {}, one.text, one.command ? h("code", {}, one.command) : null));
    },
  };
}

function coming(made) {
  return made?.next ?? [{ text: "For another session, start the program again. This page finds it by itself." }];
}

/** Directions of which nothing is known but how many contacts there were: no column is made of them. */
function few(found) {
  const told = (direction) => ROWS.slice(1).some((row) => cell({ direction, of: found }, row)[0] !== NONE);
  return Object.entries(found?.directions ?? {}).filter(([direction]) => !told(direction));
}

/** One column a direction, and beside it the same of the session that it is compared with. */
function columns(found, against) {
  const without = few(found).map(([direction]) => direction);
  return ORDER.filter((direction) => found.directions[direction] && !without.includes(direction)).flatMap((direction) => {
    const name = first(DIRECTIONS[direction]);
    const now = { name, short: name, direction, of: found };
    if (!against?.summary?.directions?.[direction]) return [now];
    const short = sessionName(against.session);
    return [now, { name: `${name}, ${short}`, short, direction, of: against.summary, earlier: true }];
  });
}

function drawTable(head, body, shown) {
  const corner = { name: "" };
  const column = (one) => (one === corner ? h("td", { role: "cell" }) : h("th", { scope: "col", role: "columnheader" }));
  const line = ([words]) => h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, words));
  list(head, [corner, ...shown], (one) => one.name, column, (cell, one) => {
    text(cell, one.name);
    attr(cell, "class", one.earlier ? "earlier" : null);
  });
  list(body, ROWS, ([words]) => words, line, (row, measure) => {
    const cells = shown.map((one) => cell(one, measure));
    while (row.children.length > 1 + cells.length) row.lastChild.remove();
    while (row.children.length < 1 + cells.length) row.append(h("td", { role: "cell" }));
    cells.forEach(([value, unit, why], i) => {
      const at = row.children[i + 1];
      attr(at, "data-of", shown[i].short);
      attr(at, "class", shown[i].earlier ? "earlier" : null);
      if (at.dataset.told === value + unit + why) return;
      at.dataset.told = value + unit + why;
      at.replaceChildren(h("span", { class: "value" }, value), unit, why ? h("span", { class: "why" }, why) : "");
    });
  });
}

/** What a cell says: value, unit, and why where it says nothing. */
function cell({ direction, of }, [, where, digits, unit, factor = 1]) {
  const found = where.split(".").reduce((at, key) => at?.[key], of.directions[direction]);
  const value = found?.mean ?? found?.value ?? (typeof found === "number" ? found : null);
  if (value == null) {
    const left = (of.left_out ?? []).find((one) => `directions.${direction}.${where}`.startsWith(one.what));
    return [NONE, "", left?.why ?? "not measured"];
  }
  const sd = found?.sd == null ? "" : ` \u00b1 ${fixed(found.sd * factor, digits)}`;
  const space = unit === "\u00b0" || unit === "" ? "" : " ";
  return [`${fixed(value * factor, digits)}${sd}`, `${space}${unit}`, ""];
}
