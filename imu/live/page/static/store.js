// The desk's document as it was told, and how long ago. The page keeps no other state of the session.

export const OLD_S = 2; // an older figure is taken down
const CONTACTS = 60;
const WARNINGS = 20;

const name = ({ foot, t_ns }) => `${foot} ${t_ns}`;
// another sitting of the same program, or of the next, counts anew
const warningKey = ({ id, at_s, text }) => `${id} ${at_s} ${text}`;
const now = () => performance.now() / 1000;

export class Store {
  doc = {};
  away = true; // nothing has come for too long
  stale = false; // the program lives, and can't tell what is now
  #heard_s = -Infinity; // when the server last said anything: what it has not told anew is as it was
  #listeners = [];
  #late = []; // contacts told since the document's own were
  #warned = []; // the same of warnings
  #seen = new Set(); // warnings that somebody here has seen

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
      this.#warned = [];
      this.stale = false;
    }
    if (type === "document" || type === "update") {
      Object.assign(this.doc, keys);
      if (keys.contacts) this.#late = [];
    } else if (type === "event" && keys.event === "contact") {
      this.#late = [...this.#late, keys].slice(-CONTACTS);
    } else if (type === "event" && keys.event === "warning") {
      this.#warned = [...this.#warned, keys].slice(-WARNINGS);
    } else if (type === "ping") {
      this.stale = Boolean(keys.stale);
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

  /** Whether all that stands here is old. */
  get silent() {
    return this.away || this.stale;
  }

  /** Why it is. */
  get whySilent() {
    return this.away ? "no connection to the program" : "a mistake of this program";
  }

  /** The last warnings of this sitting that nobody here has seen, oldest first; each has a key of its own. */
  get warnings() {
    const all = new Map([...(this.doc.warnings ?? []), ...this.#warned].map((one) => [warningKey(one), one]));
    return [...all].map(([key, one]) => ({ ...one, key })).filter(({ key }) => !this.#seen.has(key)).slice(-WARNINGS);
  }

  /** A warning was seen. */
  dismiss(key) {
    this.#seen.add(key);
    this.tell({ type: "tick" });
  }

  listen(heard) {
    this.#listeners.push(heard);
  }

  tell(message) {
    for (const heard of this.#listeners) heard(message);
  }
}
