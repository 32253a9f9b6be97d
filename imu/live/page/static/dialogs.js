// What opens over the page: help, a note, the belt's speed, the end. The browser keeps the focus inside and gives it back.

import { button, h } from "/page/dom.js";
import { setShortcuts, shortcutsOn } from "/page/keys.js";
import { speedForm } from "/page/setup_belt.js";

export const NEVER = "This page is never the stop button. Stop the treadmill with its own.";

const SHORTCUTS = [
  ["space", "set a mark"],
  ["n", "next phase"],
  ["p", "pause, and go on"],
  ["m", "mute the cue, and let it sound"],
  ["?", "this help"],
];

function dialog(title, ...children) {
  const heading = h("h2", { id: `dialog-${title.toLowerCase().replaceAll(/\W+/g, "-")}` }, title);
  const node = h("dialog", { "aria-labelledby": heading.id }, heading, ...children);
  // a click beside the dialog closes it, as Esc does
  node.addEventListener("click", (event) => event.target === node && node.close());
  document.body.append(node);
  return node;
}

const closing = (words, node) => button(words, () => node().close());

export function helpDialog() {
  const on = h("input", { type: "checkbox", on: { change: () => setShortcuts(on.checked) } });
  const node = dialog(
    "Help",
    h("p", { class: "never" }, NEVER),
    h("p", {}, "It informs. It does not diagnose, and it controls nothing that moves."),
    h("table", {}, h("caption", {}, "Keys while recording"), h("tbody", {}, SHORTCUTS.map(([key, does]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, does))))),
    h("label", { class: "check" }, on, h("span", {}, "These keys are on")),
    h(
      "ul",
      {},
      h("li", {}, "\u2013 stands where nothing can be said now; the reason stands beside it. A figure older than 2 s is taken down."),
      h("li", {}, "A grey figure rests on too few steps to be trusted."),
      h("li", {}, "\u00b1 is the standard uncertainty of a mean over the steps named."),
      h("li", {}, "Pelvic drop: how far the side of the free leg falls while the other leg stands."),
    ),
    h("div", { class: "row end" }, closing("Close", () => node)),
  );
  return {
    open() {
      on.checked = shortcutsOn();
      node.showModal();
    },
  };
}

export function noteDialog(app) {
  const words = h("textarea", { rows: 3, maxlength: 2000, required: true, "aria-label": "Note" });
  const form = h(
    "form",
    {
      on: {
        submit: (event) => {
          event.preventDefault();
          if (app.send({ do: "note", text: words.value.trim() })) {
            app.say("The note is with the session.");
            words.value = "";
            node.close();
          }
        },
      },
    },
    words,
    h("p", { class: "hint" }, "It is kept with the session. No names."),
    h("div", { class: "row end" }, closing("Leave it", () => node), h("button", { type: "submit", class: "primary" }, "Keep the note")),
  );
  const node = dialog("Note", form);
  return { open: () => node.showModal() };
}

export function beltDialog(app) {
  const form = speedForm(app, () => node.close());
  const node = dialog(
    "Belt speed",
    h("p", { class: "hint" }, "What the treadmill shows. It is noted here; it changes nothing there."),
    form.node,
    h("div", { class: "row end" }, closing("Close", () => node)),
  );
  return {
    open() {
      node.showModal();
      form.speed.focus();
    },
  };
}

export function endDialog(app) {
  const node = dialog(
    "End the recording?",
    h("p", {}, "The recording ends and becomes a session. The treadmill goes on: stop it with its own button."),
    h(
      "div",
      { class: "row end" },
      closing("Go on recording", () => node),
      button(
        "End the recording",
        () => {
          app.send({ do: "stop" });
          node.close();
        },
        { class: "primary" },
      ),
    ),
  );
  return { open: () => node.showModal(), close: () => node.open && node.close() };
}
