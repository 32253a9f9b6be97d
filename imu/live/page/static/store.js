// The desk's document as it was told, and how long ago. The page keeps no other state of the session.

export const OLD_S = 2; // an older figure is taken down
const CONTACTS = 60;

const name = ({ foot, t_ns }) => `${foot} ${t_ns}`;
const now = () => performance.now() / 1000;

export class Store {
  doc = {};
  silent = true; // nothing has come for too long: all that stands here is old
  warnings = [];
  #heard_s = -Infinity; // when the server last said anything: what it has not told anew is as it was
  #listeners = [];
  #late = []; // contacts told since the document's own were

  /** Whether a document has ever come. */
  get known() {
    return this.doc.stage !== undefined;
  }

  /** A message of the server's, parsed. */
  take(message) {
    const { type, ...keys } = message;
    this.#heard_s = now();
    if (type === "document") {
      this.doc = {};
      this.#late = [];
    }
    if (type === "document" || type === "update") {
      Object.assign(this.doc, keys);
      if (keys.contacts) this.#late = [];
    } else if (type === "event" && keys.event === "contact") {
      this.#late = [...this.#late, keys].slice(-CONTACTS);
    } else if (type === "event" && keys.event === "warning") {
      this.warnings = [...this.warnings, { text: keys.text, at_s: this.doc.clock?.elapsed_s, id: now() }].slice(-20);
    }
    this.tell(message);
  }

  /** The last contacts, oldest first: those of the document and those that were told since. */
  get contacts() {
    const known = this.doc.contacts ?? [];
    const stand = new Set(known.map(name));
    const late = this.#late.filter((contact) => !stand.has(name(contact)));
    // one foot's may be told before an earlier one of the other's
    return [...known, ...late].sort((a, b) => a.t_ns - b.t_ns).slice(-CONTACTS);
  }

  /** Whether what was told with an age is too old to be shown. */
  old(age_s) {
    return this.silent || age_s == null || age_s + now() - this.#heard_s > OLD_S;
  }

  /** A warning was seen. */
  dismiss(id) {
    this.warnings = this.warnings.filter((one) => one.id !== id);
    this.tell({ type: "tick" });
  }

  listen(heard) {
    this.#listeners.push(heard);
  }

  tell(message) {
    for (const heard of this.#listeners) heard(message);
  }
}
