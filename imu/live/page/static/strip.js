// The last contacts, one mark each: shape and colour say the pattern, the row says the foot.

import { attr, h, list, text } from "/page/dom.js";
import { mark } from "/page/pictures.js";
import { DIRECTIONS, FEET, PATTERNS, counted } from "/page/words.js";

const SHOWN = 40;
const CHARACTERS = 2; // of a word, that fit below one mark

export function stripView(store) {
  const marks = h("div", { class: "marks", "aria-hidden": "true" });
  const words = h("p", { class: "unseen" });
  const total = h("span", { class: "aside" });
  const key = h(
    "ul",
    { class: "plain legend", "aria-label": "What the marks mean" },
    Object.entries(PATTERNS).map(([pattern, name]) => h("li", {}, mark(pattern), name)),
  );
  let fit = SHOWN;
  const measure = () => {
    const one = marks.firstChild?.getBoundingClientRect().width;
    if (one) fit = Math.max(1, Math.min(SHOWN, Math.floor(marks.clientWidth / one)));
  };
  new ResizeObserver(measure).observe(marks);
  return {
    node: h(
      "section",
      { class: "strip card", "aria-labelledby": "last-contacts" },
      h("div", { class: "row" }, h("h2", { id: "last-contacts" }, "Last contacts", total), key),
      h("div", { class: "strip-box" }, h("div", { class: "feet", "aria-hidden": "true" }, h("span", {}, "left"), h("span", {}, "right")), marks),
      words,
    ),
    draw() {
      if (!marks.firstChild) requestAnimationFrame(measure);
      const contacts = store.contacts.slice(-fit);
      list(marks, contacts, (one) => `${one.foot} ${one.t_ns}`, column);
      // the way is written where it changes, once there is room for the word
      contacts.forEach((one, i) => {
        const label = marks.children[i].lastChild;
        const turn = one.direction !== contacts[i - 1]?.direction;
        const words = turn ? (DIRECTIONS[one.direction] ?? "") : "";
        const after = contacts.slice(i).findIndex((other) => other.direction !== one.direction);
        const room = CHARACTERS * (after < 0 ? contacts.length - i : after);
        attr(label, "class", turn ? "way turn" : "way");
        text(label, words.length < room ? words : "");
      });
      const told = FEET.map((foot) => `${foot}: ${summed(contacts.filter((one) => one.foot === foot))}`).join("; ");
      text(words, contacts.length ? `Of the last ${contacts.length}: ${told}.` : "No contacts yet.");
      const all = store.doc.figures?.contacts;
      text(total, all == null || store.silent ? "" : `${counted(all, "contact")} so far`);
    },
  };
}

const column = ({ foot, pattern }) =>
  h("span", { class: `contact ${foot}` }, mark(pattern), h("span", { class: "way" }));

function summed(contacts) {
  const count = (pattern) => contacts.filter((one) => one.pattern === pattern).length;
  const parts = Object.entries(PATTERNS).map(([pattern, name]) => [count(pattern), name]);
  return parts.filter(([n]) => n).map(([n, name]) => `${n} ${name}`).join(", ") || "none";
}
