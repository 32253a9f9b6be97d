// The line over everything: whether what stands here is of now.

import { show, text } from "/page/dom.js";

/** Draws itself whenever anything is heard, or nothing is. */
export function banner(store, node) {
  const draw = () => {
    const words = store.known ? "No connection to the program \u2013 what you see is old" : "No connection to the program yet";
    text(node, store.silent ? words : "");
    show(node, store.silent);
    document.documentElement.classList.toggle("silent", store.silent);
  };
  store.listen(draw);
  draw();
}
