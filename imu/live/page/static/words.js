// Numbers, units and words as they are shown. Nothing here touches the page.

export const NONE = "\u2013"; // an en dash: there is nothing to say
const MINUS = "\u2212";
const KM_H = 3.6;
const MPH = 2.236936;

export const FEET = ["left", "right"];
export const SENSORS = { foot_left: "left foot", foot_right: "right foot", pelvis: "pelvis" };
export const DIRECTIONS = { backward: "backward", forward: "forward", in_place: "in place", uncertain: "not clear" };
export const PATTERNS = {
  toe_to_heel: "toe to heel",
  heel_to_toe: "heel to toe",
  flat: "flat",
  uncertain: "not clear",
};
export const STATES = {
  looking: "looking for it",
  connected: "connected, nothing sent yet",
  streaming: "good",
  silent: "silent",
  left_out: "no part of this recording",
};
export const METRICS = {
  none: "no cue",
  pattern: "toes first",
  drop: "pelvic drop",
  cadence: "cadence",
  foot_angle: "foot angle at contact",
};

/** A number with so many digits after the point, or an en dash. */
export function fixed(value, digits = 0) {
  if (value == null || !Number.isFinite(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** Seconds as m:ss, from one hour on as h:mm:ss. */
export function clock(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** What is left of something: half a second left is one second, not none. */
export const countdown = (seconds) => clock(seconds == null ? null : Math.ceil(seconds));

export const metresPerSecond = (speed) => `${fixed(speed, 2)} m/s`;
export const otherSpeeds = (speed) => `${fixed(speed * KM_H, 1)} km/h, ${fixed(speed * MPH, 1)} mph`;

/** A session is named by its time in UTC, unless somebody named it. */
export function sessionName(id) {
  const at = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-\d{2}Z$/.exec(id ?? "");
  return at ? `${at[1]} ${at[2]}:${at[3]} UTC` : (id ?? "");
}

/** Strength of a radio signal, in words and in bars of four. */
export function signal(dbm) {
  if (dbm == null) return { bars: 0, word: "signal not known" };
  if (dbm >= -60) return { bars: 4, word: "strong signal" };
  if (dbm >= -72) return { bars: 3, word: "good signal" };
  if (dbm >= -84) return { bars: 2, word: "weak signal" };
  return { bars: 1, word: "very weak signal" };
}

export const LOW_BATTERY_PCT = 20;
export const battery = (pct) => (pct == null ? "battery not known" : `battery ${fixed(pct)} %`);

export function bytes(n) {
  if (n == null) return NONE;
  return n < 1e6 ? `${fixed(n / 1e3)} kB` : `${fixed(n / 1e6, 1)} MB`;
}

export const counted = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
export const first = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");

/** How long a phase lasts, or what ends it. */
export function lasting(phase) {
  if (phase.kind === "slow_down") return "until the belt has stopped";
  if (phase.metres) return `${fixed(phase.metres)} m`;
  return phase.seconds ? clock(phase.seconds) : "until it is ended";
}
