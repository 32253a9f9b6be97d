// Who walks, what it is compared with, what was left behind by a crash, and what to make sure of.

import { button, field, h, labelled, list, options, show, text } from "/page/dom.js";
import { sessionName } from "/page/words.js";

const CODE = "[A-Za-z][A-Za-z0-9._\\-]{0,63}";

/** A recording that a crash left behind can be made a session here. */
export function leftBehindCard(app) {
  const logs = h("ul", { class: "plain" });
  const node = h(
    "section",
    { class: "card wide notice", "aria-labelledby": "left-behind" },
    h("h2", { id: "left-behind" }, "A recording was not finished"),
    h("p", {}, "The program or the computer stopped before it became a session. Nothing that was written is lost."),
    logs,
  );
  return {
    node,
    draw() {
      const left = app.store.doc.left_behind ?? [];
      show(node, left.length);
      list(
        logs,
        left,
        (one) => one.log,
        (one) =>
          h(
            "li",
            { class: "row" },
            h("span", {}, h("strong", {}, [one.subject, sessionName(one.session)].filter(Boolean).join(", ")), h("span", { class: "path" }, one.log)),
            button("Recover", () => app.send({ do: "recover", log: one.log }), {
              "aria-label": `Recover ${sessionName(one.session)}`,
            }),
          ),
      );
    },
  };
}

export function personCard(app) {
  const known = h("datalist", { id: "subjects" });
  const code = h("input", {
    type: "text",
    list: "subjects",
    pattern: CODE,
    maxlength: 64,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    required: true,
  });
  const against = h("select", { on: { change: () => app.send({ do: "against", session: against.value || null }) } });
  const state = h("p", { class: "state" });
  const form = h(
    "form",
    {
      class: "row",
      on: {
        submit: (event) => {
          event.preventDefault();
          app.send({ do: "subject", code: code.value.trim() });
        },
      },
    },
    labelled("Subject code", code, "Known or new, as S01. Never a name."),
    h("button", { type: "submit" }, "Choose"),
  );
  const node = h(
    "section",
    { class: "card", "aria-labelledby": "person" },
    h("h2", { id: "person" }, "Person"),
    form,
    known,
    state,
    labelled("Compare with", against),
  );
  return {
    node,
    draw() {
      const { session = {}, subjects = [] } = app.store.doc;
      list(known, subjects, (one) => one.code, (one) => h("option", { value: one.code }));
      field(code, session.subject ?? "");
      const earlier = subjects.find((one) => one.code === session.subject)?.sessions ?? [];
      options(against, [["", "nothing"], ...[...earlier].reverse().map((id) => [id, sessionName(id)])]);
      field(against, session.against ?? "");
      against.disabled = !earlier.length;
      const said = earlier.length ? `${earlier.length} earlier` : "new: no session yet";
      text(state, session.subject ? `${session.subject} is chosen (${said}).` : "Nobody is chosen yet.");
    },
  };
}

const NOTES = [
  ["rails", "Hands on the rails", ["no", "one hand", "both hands"]],
  ["assistance", "Assistance", ["none", "stand-by", "light touch", "harness"]],
  ["shoes", "Shoes", ["own", "barefoot", "of the clinic"]],
];

/** The safety checklist, and the conditions that a later comparison must know. */
export function checksCard(app) {
  const checks = h("ul", { class: "plain checks" });
  const notes = NOTES.map(([key, words, known]) => {
    const ids = `known-${key}`;
    const input = h("input", {
      type: "text",
      list: ids,
      autocomplete: "off",
      on: { change: () => app.send({ do: "note_of", key, value: input.value.trim() || null }) },
    });
    return { key, input, node: h("div", {}, labelled(words, input), h("datalist", { id: ids }, known.map((value) => h("option", { value })))) };
  });
  const node = h(
    "section",
    { class: "card tall", "aria-labelledby": "checks" },
    h("h2", { id: "checks" }, "Safety"),
    checks,
    h("div", { class: "fields" }, notes.map((note) => note.node)),
  );
  return {
    node,
    draw() {
      list(
        checks,
        app.store.doc.checks ?? [],
        (check) => check.id,
        (check) => {
          const box = h("input", {
            type: "checkbox",
            on: { change: () => app.send({ do: "check", id: check.id, done: box.checked }) },
          });
          return h("li", {}, h("label", { class: "check" }, box, h("span", {})));
        },
        (item, check) => {
          field(item.querySelector("input"), check.done);
          text(item.querySelector("span"), check.text);
        },
      );
      for (const { key, input } of notes) field(input, spoken(app.store.doc.notes?.[key]));
    },
  };
}

const spoken = (value) => (value === true ? "yes" : value === false ? "no" : (value ?? ""));
