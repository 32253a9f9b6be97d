// Shortcuts of one key: never while somebody types or a dialog is open, and they can be turned off.

import { kept } from "/page/theme.js";

export const shortcutsOn = () => kept.get("shortcuts") !== "off";
export const setShortcuts = (on) => kept.set("shortcuts", on ? "on" : "off");

const TAKES_TEXT = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";
const PRESSED = "button, summary, input[type=checkbox]";
const TAKES_SPACE = `${PRESSED}, a[href], input, ${TAKES_TEXT}`;

/** `shortcuts`: key -> what it does. */
export function listen(shortcuts) {
  addEventListener("keydown", (event) => {
    const does = shortcuts[event.key.toLowerCase()];
    if (!does || event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (!shortcutsOn() || document.querySelector("dialog[open]")) return;
    if (at.closest(event.key === " " ? TAKES_SPACE : TAKES_TEXT)) return;
    // a space bar that does nothing here scrolls the page as it always did
    if (does() !== false) event.preventDefault();
  });
  // what was pressed with a pointer gives the focus back, or the space bar would press it again instead of marking
  const back = (event) => event.detail > 0 && event.target.closest?.(PRESSED)?.blur();
  addEventListener("click", back, { capture: true });
}
