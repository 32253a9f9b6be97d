// Making nodes and keeping them as they are: what does not change is not touched, so focus and readers stay where they are.

const SVG = "http://www.w3.org/2000/svg";
const drawn = new WeakMap(); // parent -> key -> its item's node
const told = new WeakMap(); // field -> what the document said last
let truth = 0; // grows when fields must show the document again

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name === "on") for (const [event, heard] of Object.entries(value)) node.addEventListener(event, heard);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

/** An element of HTML: attributes, `on: {event: handler}`, children. */
export const h = (tag, props = {}, ...children) => fill(document.createElement(tag), props, children);

/** An element of SVG. */
export const s = (tag, props = {}, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export function text(node, value) {
  const now = String(value);
  if (node.textContent !== now) node.textContent = now;
}

/** Sets an attribute, or removes it where there is no value. */
export function attr(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value)) node.setAttribute(name, value === true ? "" : value);
}

export function show(node, yes) {
  if (node.hidden === Boolean(yes)) node.hidden = !yes;
}

/** Children as the items are: made once for each key, drawn each time, in the items' order. */
export function list(parent, items, keyOf, make, draw = () => {}) {
  const had = drawn.get(parent) ?? new Map();
  const has = new Map();
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    const node = had.get(key) ?? make(item);
    has.set(key, node);
    draw(node, item);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    before = node;
  }
  for (const [key, node] of had) if (!has.has(key)) node.remove();
  drawn.set(parent, has);
}

/** A field shows the document, but nothing is taken from under the hands of who is just changing it. */
export function field(node, value) {
  const now = `${truth} ${value}`;
  if (told.get(node) === now) return;
  const typing = document.activeElement === node && (node.type === "text" || node.type === "number");
  if (typing && told.has(node)) return;
  told.set(node, now);
  if (node.type === "checkbox" || node.type === "radio") node.checked = Boolean(value);
  else node.value = value ?? "";
}

/** After a refusal: every field shows what is, not what was wished. */
export function refuse() {
  truth += 1;
}

/** The options of a select; value and words of each. */
export function options(select, pairs) {
  list(
    select,
    pairs,
    ([value]) => `${value}`,
    ([value]) => h("option", { value }),
    (node, [, words]) => text(node, words),
  );
}

let ids = 0;
/** A field with its label, and a hint if there is one. */
export function labelled(words, control, hint) {
  control.id ||= `field-${(ids += 1)}`;
  const parts = [h("label", { for: control.id }, words), control];
  if (hint) {
    control.setAttribute("aria-describedby", `${control.id}-hint`);
    parts.push(h("span", { id: `${control.id}-hint`, class: "hint" }, hint));
  }
  return h("div", { class: "field" }, parts);
}

/** A button that submits nothing. */
export const button = (words, press, props = {}) => h("button", { type: "button", ...props, on: { click: press } }, words);
