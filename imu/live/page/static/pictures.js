// Small drawings. None of them carries anything that is not said in words beside it.

import { s } from "/page/dom.js";

const TURN = 2 * Math.PI;

/** A mark for a contact's pattern: its shape says as much as its colour. */
export function mark(pattern) {
  const shape = {
    toe_to_heel: () => s("path", { d: "M8 1.5 15 14H1z" }),
    heel_to_toe: () => s("path", { d: "M2 2h12v12H2z" }),
    flat: () => s("path", { d: "M1 6h14v4H1z" }),
  }[pattern] ?? (() => s("circle", { cx: 8, cy: 8, r: 5.5 }));
  return s("svg", { class: `mark ${pattern}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, shape());
}

const SOLE =
  "M42 26 C22 28 12 46 14 72 C16 92 26 104 26 124 C26 140 18 150 20 168 C22 184 34 192 46 190 " +
  "C60 188 66 176 65 160 C64 140 72 122 76 100 C80 74 74 24 42 26 Z";
const TOES = [
  [60, 14, 10, 13],
  [42, 12, 7, 9],
  [28, 17, 6.5, 8],
  [17, 26, 6, 7.5],
  [9, 38, 5, 6.5],
];
const HEIGHT = 192;

/** The print of a foot that fills from the toes down. */
export function foot(side) {
  const id = `print-${side}`;
  const print = () => [s("path", { d: SOLE }), ...TOES.map(([cx, cy, rx, ry]) => s("ellipse", { cx, cy, rx, ry }))];
  const level = s("rect", { x: 0, y: 0, width: 90, height: 0, "clip-path": `url(#${id})` });
  const node = s(
    "svg",
    { class: "foot", viewBox: "0 -2 84 196", "aria-hidden": "true" },
    s("clipPath", { id }, print()),
    s(
      "g",
      // drawn as a left foot; the right one is its mirror image
      side === "right" ? { transform: "translate(84 0) scale(-1 1)" } : {},
      s("g", { class: "sole" }, print()),
      s("g", {}, level),
      s("g", { class: "outline" }, print()),
    ),
  );
  return { node, fill: (share) => level.setAttribute("height", share == null ? 0 : HEIGHT * share) };
}

/** A ring that closes. */
export function ring() {
  const r = 52;
  const round = TURN * r;
  const done = s("circle", { class: "done", cx: 60, cy: 60, r, "stroke-dasharray": round, "stroke-dashoffset": round });
  const node = s(
    "svg",
    { class: "ring", viewBox: "0 0 120 120", "aria-hidden": "true" },
    s("circle", { class: "whole", cx: 60, cy: 60, r }),
    done,
  );
  return { node, fill: (share) => done.setAttribute("stroke-dashoffset", round * (1 - share)) };
}

/** Four bars of a radio signal. */
export function bars() {
  const each = [4, 8, 12, 16].map((high, i) => s("rect", { x: 5 * i, y: 16 - high, width: 3.6, height: high, rx: 0.8 }));
  const node = s("svg", { class: "bars", viewBox: "0 0 19 16", "aria-hidden": "true" }, each);
  return { node, fill: (n) => each.forEach((bar, i) => bar.classList.toggle("full", i < n)) };
}

/** An arrow in the direction of walking: forward is up, as on a map. */
export function arrow() {
  return s("svg", { class: "arrow", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: "M12 2 21 13h-6v9H9v-9H3z" }));
}
