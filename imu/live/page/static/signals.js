// The signals as they come, for those who want them: the last ten seconds, drawn only while it is open.

import { h } from "/page/dom.js";
import { isDark, onTheme, still } from "/page/theme.js";
import { fixed } from "/page/words.js";

const HEAD_BYTES = 24;
const VERSION = 1;
const SENSORS = ["left foot", "right foot", "pelvis"];
const DASHES = [undefined, [6, 3], [2, 2]];
const SLOT_S = 0.01;
const SLOTS = 1000;
const HIGH_PX = 170;
const FRAME_MS = 50;
const STILL_FRAME_MS = 1000; // for those who want nothing to move
const GRAVITY = 9.81;

/** A binary frame of the server's, or null where it is none that we know. */
export function parse(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEAD_BYTES || view.getUint8(0) !== VERSION) return null;
  const [sensor, n] = [view.getUint8(1), view.getUint16(2, true)];
  if (sensor >= SENSORS.length || buffer.byteLength !== HEAD_BYTES + 8 * n) return null;
  const at = (i) => view.getFloat32(HEAD_BYTES + 4 * i, true);
  return {
    sensor,
    t_s: view.getFloat64(8, true),
    dt_s: view.getFloat64(16, true),
    acc: Array.from({ length: n }, (_, i) => at(2 * i)),
    gyr: Array.from({ length: n }, (_, i) => at(2 * i + 1)),
  };
}

/** The last seconds of all sensors on one scale of time: a slot keeps what is furthest from rest. */
export class Window {
  #newest = -Infinity; // slot
  #rows; // signal -> sensor -> slots
  #last = SENSORS.map(() => -Infinity);

  constructor() {
    this.#rows = [GRAVITY, 0].map(() => SENSORS.map(() => new Array(SLOTS).fill(null)));
  }

  take({ sensor, t_s, dt_s, acc, gyr }) {
    [acc, gyr].forEach((values, signal) => {
      const rest = signal === 0 ? GRAVITY : 0;
      let before = this.#last[sensor];
      values.forEach((value, i) => {
        const slot = Math.floor((t_s + i * dt_s) / SLOT_S);
        this.#reach(slot);
        if (slot <= this.#newest - SLOTS) return;
        const row = this.#rows[signal][sensor];
        const put = (at, what) => {
          const place = at % SLOTS;
          if (row[place] === null || Math.abs(what - rest) > Math.abs(row[place] - rest)) row[place] = what;
        };
        // a slower sensor leaves slots between two samples: they belong to the later one; a gap stays a gap
        if (slot > before + 1 && slot - before <= (2 * dt_s) / SLOT_S + 1) for (let at = before + 1; at < slot; at += 1) put(at, value);
        put(slot, value);
        before = slot;
      });
      if (signal === 1) this.#last[sensor] = Math.max(this.#last[sensor], before);
    });
  }

  #reach(slot) {
    if (slot <= this.#newest) return;
    const from = Math.max(this.#newest + 1, slot - SLOTS + 1);
    for (let at = from; at <= slot; at += 1) for (const signal of this.#rows) for (const row of signal) row[at % SLOTS] = null;
    this.#newest = slot;
  }

  /** Seconds before the newest sample, then one row a sensor. */
  data(signal) {
    const end = Number.isFinite(this.#newest) ? this.#newest : SLOTS - 1;
    const slots = Array.from({ length: SLOTS }, (_, i) => end - SLOTS + 1 + i);
    return [slots.map((slot) => (slot - end) * SLOT_S), ...this.#rows[signal].map((row) => slots.map((slot) => (slot < 0 ? null : row[slot % SLOTS])))];
  }
}

/** The plotting library, which is no module: it is loaded when it is first wanted. */
function uPlot() {
  return new Promise((done, failed) => {
    const script = h("script", { src: "/vendor/uplot/uPlot.iife.min.js" });
    script.addEventListener("load", () => done(globalThis.uPlot));
    script.addEventListener("error", failed);
    document.head.append(script);
  });
}

const CHARTS = [
  ["Rotation about the left axis (rad/s), up is toes down", 1],
  ["Acceleration (m/s\u00b2), 9.8 at rest", 0],
];

export function signalsView(store) {
  const window_ = new Window();
  const boxes = CHARTS.map(([title]) => h("figure", {}, h("figcaption", {}, title), h("div", { class: "chart" })));
  const key = h("ul", { class: "plain legend" }, SENSORS.map((name, i) => h("li", {}, h("span", { class: `line line-${i}`, "aria-hidden": "true" }), name)));
  const node = h(
    "details",
    { class: "signals card", on: { toggle: () => node.open && begin() } },
    h("summary", {}, "Signals"),
    h("p", { class: "hint" }, "The last 10 seconds, newest at the right. Of a sensor whose mounting is not known, rotation is shown by its size."),
    key,
    boxes,
  );
  let charts = [];
  let Plot = null;
  let drawn_ms = 0;

  async function begin() {
    Plot ??= await uPlot();
    build();
    requestAnimationFrame(draw);
  }

  function build() {
    charts.forEach((chart) => chart.destroy());
    charts = [];
    if (!node.open || !Plot) return;
    const colour = (element) => getComputedStyle(element).color;
    const lines = [...key.querySelectorAll(".line")].map(colour);
    const ink = colour(key);
    const grid = isDark() ? "#36404a" : "#dde2e6";
    charts = CHARTS.map(([, signal], i) => {
      const box = boxes[i].lastChild;
      const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px system-ui" };
      return new Plot(
        {
          width: box.clientWidth,
          height: HIGH_PX,
          legend: { show: false },
          cursor: { show: false },
          scales: { x: { time: false } },
          axes: [{ ...axis, values: (_, at) => at.map((t) => `${fixed(t)} s`) }, { ...axis, size: 48 }],
          series: [{}, ...lines.map((stroke, k) => ({ stroke, width: 1.5, dash: DASHES[k], points: { show: false } }))],
        },
        window_.data(signal),
        box,
      );
    });
  }

  function draw(now_ms) {
    if (!node.open || !node.isConnected) return;
    if (now_ms - drawn_ms >= (still() ? STILL_FRAME_MS : FRAME_MS)) {
      drawn_ms = now_ms;
      charts.forEach((chart, i) => chart.setData(window_.data(CHARTS[i][1])));
    }
    requestAnimationFrame(draw);
  }

  onTheme(build);
  addEventListener("resize", () => charts.forEach((chart, i) => chart.setSize({ width: boxes[i].lastChild.clientWidth, height: HIGH_PX })));
  return {
    node,
    draw: () => node.classList.toggle("old", store.silent),
    take(buffer) {
      const frame = parse(buffer);
      if (frame) window_.take(frame);
    },
  };
}
