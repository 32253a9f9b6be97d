// The one socket: connects, connects again, and notices when nothing comes any more.

const SILENT_S = 1.5; // the server says something twice a second; within two it has to be said that it does not
const CLOSED_S = 1; // a connection that ended is given as long to come back
const FIRST_WAIT_S = 0.25;
const LONGEST_WAIT_S = 4;
const GIVEN_UP_S = 6; // an open socket that has been silent for so long is no connection
const LOOK_EVERY_MS = 200;

export class Socket {
  #socket = null;
  #wait_s = FIRST_WAIT_S;
  #timer = 0;
  #heard_ms = -Infinity;
  #told = false; // whether this connection has told the whole document yet
  #store;
  #signals;

  /** `signals` is called with every binary frame. */
  constructor(store, signals = () => {}) {
    this.#store = store;
    this.#signals = signals;
    this.#connect();
    setInterval(() => this.#look(), LOOK_EVERY_MS);
    addEventListener("online", () => this.#again(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.#again(0));
  }

  /** Sends a command; false where there is no connection. */
  send(command) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  #connect() {
    const socket = new WebSocket(address());
    this.#socket = socket;
    this.#told = false;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => (this.#heard_ms = performance.now()));
    socket.addEventListener("message", (event) => socket === this.#socket && this.#take(event.data));
    socket.addEventListener("close", () => socket === this.#socket && this.#again(this.#wait_s));
  }

  #take(data) {
    this.#heard_ms = performance.now();
    this.#wait_s = FIRST_WAIT_S;
    if (typeof data !== "string") return this.#signals(data);
    const message = JSON.parse(data);
    // what stands here from an earlier connection is old until the whole is told anew
    this.#told ||= message.type === "document";
    if (this.#told) this.#store.away = false;
    this.#store.take(message);
  }

  #again(wait_s) {
    if (this.#socket?.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait_s * 1000 * (0.75 + Math.random() / 2));
    this.#wait_s = Math.min(LONGEST_WAIT_S, this.#wait_s * 2);
  }

  #look() {
    const silence_s = (performance.now() - this.#heard_ms) / 1000;
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (silence_s > (open ? SILENT_S : CLOSED_S)) this.#store.away = true;
    if (silence_s > GIVEN_UP_S && open) {
      const dead = this.#socket;
      this.#socket = null;
      dead.close();
      this.#again(0);
    }
    this.#store.tell({ type: "tick" });
  }
}

function address() {
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
