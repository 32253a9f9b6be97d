// The line over everything: whether what stands here is of now.

import { show, text } from "/page/dom.js";

/** Draws itself whenever anything is heard, or nothing is. */
export function banner(store, node) {
  const draw = () => {
    text(node, store.silent ? words(store) : "");
    show(node, store.silent);
    document.documentElement.classList.toggle("silent", store.silent);
  };
  store.listen(draw);
  draw();
}

function words({ away, known }) {
  if (!away) return "A mistake of this program: what you see is old. The recording goes on";
  return known ? "No connection to the program \u2013 what you see is old" : "No connection to the program yet";
}
