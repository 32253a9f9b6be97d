// What somebody should know now: from the program as it happens; as long as it lasts, of recorder, protocol and sensors.

import { button, h, list, text } from "/page/dom.js";
import { SENSORS, bytes, clock, first } from "/page/words.js";

const SHOWN = 3;

export function warningsView(store) {
  const told = h("ul", { class: "plain" });
  const lasting = h("ul", { class: "plain" });
  const live = [h("div", { role: "status" }, lasting), h("div", { role: "log", "aria-live": "polite" }, told)];
  const node = h("section", { class: "warnings", "aria-label": "Warnings" }, live);
  return {
    node,
    draw() {
      const last = holding(store.doc);
      list(lasting, last, ([key]) => key, () => h("li"), (item, [, words]) => text(item, `\u25b2 ${words}`));
      // what still holds is not said twice
      const past = store.warnings.filter((one) => !last.some(([, words]) => words === one.text));
      list(told, past.slice(-SHOWN).reverse(), (one) => one.key, (one) =>
        h(
          "li",
          {},
          h("span", {}, `\u25b2 ${one.text}`),
          h("span", { class: "at" }, clock(one.at_s)),
          button("Seen", () => store.dismiss(one.key), { class: "small", "aria-label": `Seen: ${one.text}` }),
        ),
      );
    },
  };
}

/** What is wrong now: what of, and words. */
function holding({ recorder, protocol, placement = [] }) {
  const disk = recorder?.low ? `The disk is nearly full; ${bytes(recorder.bytes)} are recorded.` : "";
  return [
    ["recorder", recorder?.problem || disk],
    ["limit", protocol?.limit],
    // left and right show after some steps, so it may be now that they do
    ...placement.filter((one) => one.ok === false).map((one) => [one.sensor, `${first(SENSORS[one.sensor])}: ${one.text}`]),
  ].filter(([, words]) => words);
}
