// The time line: one mark a step, hollow where the model was in doubt. It parts the stage from the apparatus and stays in sight.

const PLAY_MS = 750;

class Timeline {
  constructor(store) {
    this.store = store;
    this.back = make(
      "button.round",
      { "aria-label": "Step back", title: "back (←)", onclick: () => store.go(store.step - 1) },
      icon("M10 3L5 8l5 5"),
    );
    this.forth = make(
      "button.round",
      { "aria-label": "Step forward", title: "forward (→)", onclick: () => store.go(store.step + 1) },
      icon("M6 3l5 5-5 5"),
    );
    this.playButton = make(
      "button.round.play",
      { onclick: () => this.play(!store.playing) },
      (this.playIcon = icon("")),
    );
    this.fillLine = make("i.fill");
    this.thumb = make("i.thumb");
    this.marks = make("div.marks");
    this.track = make(
      "div.track",
      { role: "slider", tabindex: "0", "aria-label": "Step", "aria-valuemin": "1" },
      make("i.rail"),
      this.fillLine,
      this.marks,
      this.thumb,
    );
    this.count = make("span.count");
    this.element = make(
      "nav.timeline",
      { "aria-label": "Steps" },
      make("div.buttons", {}, this.back, this.playButton, this.forth),
      this.track,
      this.count,
    );
    this.track.onpointerdown = (event) => this.grab(event);
    this.showPlaying();
  }

  build() {
    const { branch } = this.store;
    const span = Math.max(1, branch.steps - 1);
    this.marks.replaceChildren(
      ...branch.at.map((at, k) => {
        const kind = at.forcedHere ? ".forced" : at.doubt ? ".doubt" : "";
        return make(`i.mark${kind}`, { style: `left:${(k / span) * 100}%` });
      }),
    );
    this.track.setAttribute("aria-valuemax", branch.steps);
    this.measure();
  }

  measure() {
    this.width = this.track.clientWidth;
    setClass(this.marks, "dense", this.width / this.store.branch.steps < 15);
  }

  step() {
    const { branch, step } = this.store;
    const share = step / Math.max(1, branch.steps - 1);
    setStyle(this.fillLine, "transform", `scaleX(${share.toFixed(4)})`);
    setStyle(this.thumb, "transform", `translateX(${(share * this.width).toFixed(1)}px)`);
    setText(this.count, `${step + 1} / ${branch.steps}`);
    this.track.setAttribute("aria-valuenow", step + 1);
    this.track.setAttribute("aria-valuetext", `step ${step + 1}, ${spokenToken(branch, step)}`);
    this.back.disabled = step === 0;
    this.forth.disabled = step === branch.steps - 1;
  }

  grab(event) {
    if (event.button) return;
    const box = this.track.getBoundingClientRect();
    const move = (at) => {
      const share = (at.clientX - box.left) / box.width;
      this.store.go(Math.round(Math.max(0, Math.min(1, share)) * (this.store.branch.steps - 1)));
    };
    this.track.setPointerCapture(event.pointerId);
    move(event);
    this.track.onpointermove = move;
    this.track.onpointerup = this.track.onpointercancel = () => (this.track.onpointermove = null);
  }

  play(on) {
    const { store } = this;
    clearTimeout(this.timer);
    if (on && store.step === store.branch.steps - 1) store.go(0);
    store.playing = on;
    this.showPlaying();
    if (!on) return;
    const tick = () => {
      if (!store.playing || store.step === store.branch.steps - 1) return this.play(false);
      store.go(store.step + 1);
      this.timer = setTimeout(tick, PLAY_MS);
    };
    this.timer = setTimeout(tick, PLAY_MS);
  }

  showPlaying() {
    const { playing } = this.store;
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.playButton.title = playing ? "pause (p)" : "play (p)";
    this.playIcon.firstChild.setAttribute("d", playing ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4.5 2.5v11l9-5.5z");
  }
}

/** A small drawn sign; Streamlit's icon font is not ours to count on. */
function icon(path) {
  return draw(
    "svg.icon",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    draw("path", { d: path }),
  );
}
