// Tones, speech and the metronome. A browser is silent until somebody presses a key or clicks: `on` says whether it is.

const TONES = {
  low: { hz: 330, s: 0.22, gain: 0.5 },
  high: { hz: 880, s: 0.16, gain: 0.4 },
  tick: { hz: 1500, s: 0.03, gain: 0.35 },
};
const EDGE_S = 0.008; // fading in and out, so that nothing clicks
const AHEAD_S = 0.25; // how far ahead beats are scheduled: timers are late, the audio clock is not
const LOOK_EVERY_MS = 80;
const SLOWEST_SPM = 20;

export class Sound {
  #context = null;
  #next_s = 0;
  #spm = null;
  #timer = 0;

  constructor() {
    const wake = () => this.wake();
    for (const event of ["keydown", "pointerdown"]) addEventListener(event, wake, { capture: true, passive: true });
  }

  get on() {
    return this.#context?.state === "running";
  }

  /** To be called while a key or a click is handled. */
  async wake() {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.#context.state !== "running") await this.#context.resume();
  }

  /** A cue, as the desk told it: said, or sounded where the browser has no voice. */
  cue({ say, tone }, how) {
    if (how === "speech" && say && this.#speak(say)) return;
    if (tone) this.tone(tone);
  }

  tone(name, at_s) {
    if (!this.on || !TONES[name]) return;
    const { hz, s, gain } = TONES[name];
    const start_s = at_s ?? this.#context.currentTime;
    const [source, volume] = [this.#context.createOscillator(), this.#context.createGain()];
    source.frequency.value = hz;
    volume.gain.setValueAtTime(0, start_s);
    volume.gain.linearRampToValueAtTime(gain, start_s + EDGE_S);
    volume.gain.setValueAtTime(gain, start_s + s - EDGE_S);
    volume.gain.linearRampToValueAtTime(0, start_s + s);
    source.connect(volume).connect(this.#context.destination);
    source.start(start_s);
    source.stop(start_s + s);
  }

  /** Beats at so many a minute; null = none. */
  metronome(spm) {
    const wanted = spm >= SLOWEST_SPM && this.on ? spm : null;
    if (wanted === this.#spm) return;
    this.#spm = wanted;
    clearInterval(this.#timer);
    if (wanted === null) return;
    this.#next_s = Math.max(this.#next_s, this.#context.currentTime);
    this.#timer = setInterval(() => this.#beats(), LOOK_EVERY_MS);
  }

  #beats() {
    const now_s = this.#context.currentTime;
    // after a pause of the timers, as of a tab in the background, missed beats stay missed
    if (this.#next_s < now_s) this.#next_s = now_s;
    while (this.#next_s < now_s + AHEAD_S) {
      this.tone("tick", this.#next_s);
      this.#next_s += 60 / this.#spm;
    }
  }

  #speak(words) {
    const voices = globalThis.speechSynthesis;
    if (!this.on || !voices?.getVoices().length) return false;
    // a cue that is late is none: what is being said gives way
    voices.cancel();
    const said = new SpeechSynthesisUtterance(words);
    said.lang = "en";
    said.rate = 1.15;
    voices.speak(said);
    return true;
  }
}
