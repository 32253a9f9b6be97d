// The therapist's page: one socket, one store, and the view of the stage that the session is in.

import { banner } from "/page/banner.js";
import { helpDialog } from "/page/dialogs.js";
import { refuse, text } from "/page/dom.js";
import { endView } from "/page/end.js";
import { header } from "/page/header.js";
import { listen } from "/page/keys.js";
import { liveView } from "/page/live.js";
import { setupView } from "/page/setup.js";
import { Socket } from "/page/socket.js";
import { Sound } from "/page/sound.js";
import { Store } from "/page/store.js";

const SAID_MS = 4000;
const CUE_STANDS_MS = 3000;
const TITLES = { setup: "Set-up", live: "Recording", end: "End" };

const store = new Store();
const sound = new Sound();
const help = helpDialog();
const said = document.querySelector("#said");
const main = document.querySelector("#main");
let said_timer = 0;
let cue = null;

const app = {
  store,
  sound,
  send(command) {
    const sent = socket.send(command);
    if (!sent) app.say("No connection to the program: that was not done.");
    return sent;
  },
  /** A short word to whoever sits here. */
  say(words) {
    text(said, words);
    clearTimeout(said_timer);
    said_timer = setTimeout(() => text(said, ""), SAID_MS);
  },
  /** The cue that stands: each one a new object, its words may be the same. */
  cue: () => (cue && performance.now() - cue.at_ms < CUE_STANDS_MS ? cue : null),
};

// what is fixed to the window's lower edge covers so much of it
const bar = new ResizeObserver(([{ target }]) => setBar(target.offsetHeight));
const setBar = (high_px) => document.documentElement.style.setProperty("--bar", `${high_px}px`);

const views = { setup: setupView(app), live: liveView(app), end: endView(app) };
const top = header(app, help.open);
const socket = new Socket(store, views.live.signals);
let at = null;

const stageView = (stage) => ({ setup: "setup", ready: "setup", recording: "live", ending: "end", ended: "end" })[stage];

function draw() {
  const name = stageView(store.doc.stage);
  top.draw();
  if (!name) return;
  if (name !== at) {
    const began = at === null;
    views[at]?.left?.();
    at = name;
    main.replaceChildren(views[name].node);
    document.body.dataset.view = name;
    document.title = `${TITLES[name]} \u2013 Retrogait`;
    views[name].draw();
    bar.disconnect();
    setBar(0);
    main.querySelectorAll(".bottom").forEach((one) => bar.observe(one));
    scrollTo(0, 0);
    // who listens to the page, or goes by keys, is taken along
    if (!began) main.querySelector("h1").focus();
    return;
  }
  views[name].draw();
}

function hear(message) {
  if (message.type === "event" && message.event === "cue") {
    cue = { say: message.say, at_ms: performance.now() };
    if (!store.doc.cue?.muted) sound.cue(message, store.doc.cue?.sound);
  } else if (message.type === "refused") {
    refuse();
    app.say(message.why);
  }
  draw();
  const { stage, cue: set, protocol } = store.doc;
  const beats = stage === "recording" && !store.silent && !set?.muted && !protocol?.paused;
  sound.metronome(beats ? set?.metronome_spm : null);
}

banner(store, document.querySelector("#banner"));
document.querySelector("#top").append(top.node);
store.listen(hear);
listen({
  "?": () => help.open(),
  ...Object.fromEntries(
    Object.entries(views.live.shortcuts).map(([key, does]) => [key, () => (at === "live" ? void does() : false)]),
  ),
});
draw();
