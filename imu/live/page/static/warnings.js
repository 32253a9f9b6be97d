// What somebody should know now: from the program as it happens, from the recorder as long as it lasts.

import { button, h, list, show, text } from "/page/dom.js";
import { bytes, clock } from "/page/words.js";

const SHOWN = 3;

export function warningsView(store) {
  const told = h("ul", { class: "plain" });
  const lasting = h("p", { class: "wrong", role: "status" });
  const node = h("section", { class: "warnings", "aria-label": "Warnings" }, lasting, h("div", { role: "log", "aria-live": "polite" }, told));
  return {
    node,
    draw() {
      list(told, store.warnings.slice(-SHOWN).reverse(), (one) => one.id, (one) =>
        h(
          "li",
          {},
          h("span", {}, `\u25b2 ${one.text}`),
          h("span", { class: "at" }, clock(one.at_s)),
          button("Seen", () => store.dismiss(one.id), { class: "small", "aria-label": `Seen: ${one.text}` }),
        ),
      );
      const { recorder } = store.doc;
      const words = recorder?.problem || (recorder?.low ? `The disk is nearly full; ${bytes(recorder.bytes)} are recorded.` : "");
      text(lasting, words && `\u25b2 ${words}`);
      show(lasting, words);
    },
  };
}
