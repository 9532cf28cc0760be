// The stage: source above, answer below, ribbons between. Lines that do not fit become strips that slide under the
// reader's eye, so that the ribbons survive long sentences and narrow screens; "whole text" wraps them instead.

const GLIDE_MS = 170;
const RIBBON_HEIGHT = 66;

class Stage {
  constructor(store) {
    this.store = store;
    this.source = this.side("source");
    this.target = this.side("target");
    this.ribbons = draw("svg.ribbons", { "aria-hidden": "true", height: RIBBON_HEIGHT });
    this.middle = make("div.between", {}, make("span"), this.ribbons);
    this.wrap = make("button.link", { text: "whole text", "aria-pressed": "false", onclick: () => this.toggleWrap() });
    this.what = make("p.small.what", {}, (this.caption = make("span")), this.wrap);
    this.element = make(
      "section.stage",
      { "aria-label": "Source and answer" },
      this.source.row,
      this.middle,
      this.target.row,
      this.what,
    );
    this.wrapped = false;
    this.shown = null;
    // Pointing at the source shows the share of every word, not only of those that were leaned on most.
    this.source.line.onpointerenter = () => this.askAll(true);
    this.source.line.onpointerleave = () => this.askAll(false);
  }

  askAll(on) {
    this.asked = on;
    setClass(this.source.line, "asked", on);
    this.paintWords(this.store.branch, this.store.step);
  }

  side(name) {
    const label = make("span.label");
    const strip = make("div.strip");
    const line = make("div.line", {}, strip);
    const map = make("div.map", { "aria-hidden": "true" });
    return {
      name,
      label,
      strip,
      line,
      map,
      row: make(`div.row.${name}`, {}, label, make("div.lane", {}, map, line)),
      words: [],
    };
  }

  toggleWrap() {
    this.wrapped = !this.wrapped;
    this.wrap.setAttribute("aria-pressed", String(this.wrapped));
    this.measure();
    this.step();
  }

  build() {
    const { view, branch } = this.store;
    setText(this.source.label, view.source.name);
    setText(this.target.label, view.target.name);
    if (this.viewBuilt !== view.source) this.buildSource(view.source);
    this.viewBuilt = view.source;
    this.buildTarget(branch, view.target);
    setText(this.caption, branch.saliency ? `Ribbons: ${branch.saliency_note}. No attention exists to be drawn.` : "");
    this.shown = null;
    this.measure();
  }

  buildSource(source) {
    this.element.dataset.kind = source.kind;
    this.source.strip.lang = source.language;
    this.source.words = source.units.map((unit) => {
      const heat = make("span.heat");
      const share = make("span.share");
      const face = unit.image.startsWith("data:image/")
        ? [
            make("img", { src: unit.image, alt: unit.text, draggable: "false" }),
            make("span.caption", { text: unit.text, "aria-hidden": "true" }),
          ]
        : [make("span", { text: unit.text, dir: "auto" })];
      const ending = source.kind === "text" && /^end$/.test(unit.text);
      return { element: make(`span.unit${ending ? ".ending" : ""}`, {}, heat, share, ...face), heat, share };
    });
    this.source.strip.replaceChildren(...this.source.words.map((word) => word.element));
    this.source.marks = this.source.words.map(() => make("i"));
    this.source.map.replaceChildren(...this.source.marks);
    this.bands = this.source.words.map(() => draw("path"));
    this.ribbons.replaceChildren(...this.bands);
  }

  buildTarget(branch, target) {
    this.target.strip.lang = target.language;
    const tokens = [];
    const words = groupWords(branch.tokens, target.pieces).map((word) => {
      const pieces = word.tokens.map((index) => {
        const at = branch.at[index];
        const rule = make("span.rule", {}, make("i", { style: `transform:scaleX(${at.probability ?? 0})` }));
        const label = `Step ${index + 1}, ${spokenToken(branch, index)}${at.probability === null ? "" : `, ${percent(at.probability)}`}`;
        const piece = make(
          `button.piece${isSpecial(branch.tokens[index]) ? ".ending" : ""}`,
          {
            "aria-label": label,
            tabindex: "-1",
            onclick: () => this.store.go(index),
          },
          make("span", { text: pieceText(branch.tokens[index]), dir: "auto" }),
          rule,
        );
        if (at.forcedHere) piece.classList.add("forced");
        tokens.push({ element: piece, state: "" });
        return piece;
      });
      return make("span.word", {}, ...pieces);
    });
    this.target.words = tokens;
    this.target.strip.replaceChildren(...words);
    this.target.marks = tokens.map(() => make("i"));
    this.target.map.replaceChildren(...this.target.marks);
  }

  /** Reads the layout once; a step then only moves things. */
  measure() {
    const sides = [this.source, this.target];
    this.width = this.source.line.clientWidth;
    if (!this.width) return;
    for (const size of ["large", "medium", "small"]) {
      this.element.dataset.size = size;
      this.element.dataset.mode = "line";
      this.fits = sides.every((side) => side.strip.scrollWidth <= this.width + 1);
      if (this.fits) break;
    }
    if (!this.fits) {
      this.element.dataset.size = this.width < 520 ? "small" : "medium";
      this.element.dataset.mode = this.wrapped ? "wrapped" : "strip";
    }
    this.wrap.hidden = this.fits;
    for (const side of sides) side.line.style.height = `${side.strip.offsetHeight}px`; // known, so that it contains
    for (const side of sides) this.measureSide(side);
    this.ribbons.setAttribute("width", this.width);
  }

  measureSide(side) {
    side.length = Math.max(side.strip.scrollWidth, 1);
    const left = side.strip.getBoundingClientRect().left;
    for (const word of side.words) {
      const box = word.element.getBoundingClientRect();
      word.x = box.left - left;
      word.width = box.width;
      word.middle = word.x + word.width / 2;
    }
    side.marks.forEach((mark, k) => {
      mark.style.left = `${(side.words[k].x / side.length) * 100}%`;
      mark.style.width = `calc(${(side.words[k].width / side.length) * 100}% - 1px)`;
    });
  }

  step() {
    const { branch, step } = this.store;
    if (!this.width) return;
    this.paintWords(branch, step);
    const goal = this.goal(branch, step);
    cancelAnimationFrame(this.frame);
    if (!this.shown || still.matches || this.wrapped) return this.place(goal);
    const from = this.shown;
    const started = performance.now();
    const glide = (now) => {
      const time = Math.min(1, (now - started + 16) / GLIDE_MS);
      const eased = 1 - (1 - time) ** 3;
      this.place(between(from, goal, eased));
      if (time < 1) this.frame = requestAnimationFrame(glide);
    };
    glide(started + 16);
  }

  /** Where everything comes to rest at a step. */
  goal(branch, step) {
    const word = this.target.words[step];
    const shares = new Float32Array(this.source.words.length);
    if (branch.saliency) {
      const { data, columns } = branch.saliency;
      shares.set(data.subarray(step * columns, (step + 1) * columns));
    }
    let weight = 1e-9;
    let centre = 0;
    shares.forEach((share, k) => {
      weight += share * share;
      centre += share * share * this.source.words[k].middle;
    });
    return {
      source: this.offset(this.source, branch.saliency ? centre / weight : 0),
      target: this.offset(this.target, word.middle),
      x: word.x,
      width: word.width,
      shares,
    };
  }

  offset(side, middle) {
    if (this.element.dataset.mode !== "strip" || side.length <= this.width) return 0;
    return Math.max(this.width - side.length, Math.min(0, this.width / 2 - middle));
  }

  place(state) {
    this.shown = state;
    setStyle(this.source.strip, "transform", `translateX(${state.source.toFixed(1)}px)`);
    setStyle(this.target.strip, "transform", `translateX(${state.target.toFixed(1)}px)`);
    this.fade(this.source, state.source);
    this.fade(this.target, state.target);
    if (this.element.dataset.mode === "wrapped") return;
    const floor = RIBBON_HEIGHT;
    const strong = state.shares.map((share) => (share >= 0.03 ? share : 0));
    const total = strong.reduce((a, b) => a + b, 0) || 1;
    let bottom = state.x + state.target;
    this.bands.forEach((band, k) => {
      const share = strong[k] / total;
      if (!share) return setAttribute(band, "d", "");
      const word = this.source.words[k];
      const wide = share * state.width;
      const top = word.middle + state.source;
      const half = Math.max(0.8, Math.min(word.width, Math.max(wide, share * word.width)) / 2);
      const [a, b] = [bottom, bottom + wide];
      bottom = b;
      const [y1, y2] = [floor * 0.5, floor * 0.5];
      const n = (value) => value.toFixed(1);
      setAttribute(
        band,
        "d",
        `M${n(top - half)} 0C${n(top - half)} ${y1} ${n(a)} ${y2} ${n(a)} ${floor}H${n(b)}C${n(b)} ${y2} ${n(top + half)} ${y1} ${n(top + half)} 0Z`,
      );
      setAttribute(band, "opacity", (0.13 + 0.5 * Math.sqrt(share)).toFixed(2));
    });
  }

  /** A strip fades out only where it goes on. */
  fade(side, offset) {
    const strip = this.element.dataset.mode === "strip";
    setStyle(side.line, "--more-left", strip && offset < -1 ? "38px" : "0px");
    setStyle(side.line, "--more-right", strip && side.length + offset > this.width + 1 ? "38px" : "0px");
  }

  paintWords(branch, step) {
    this.target.words.forEach((word, k) => {
      const state = k < step ? "past" : k === step ? "now" : "future";
      if (word.state === state) return;
      word.element.classList.remove(word.state || "none");
      word.element.classList.add((word.state = state));
      if (state === "now") word.element.setAttribute("aria-current", "step");
      else word.element.removeAttribute("aria-current");
      this.target.marks[k].className = state;
    });
    const top = leanings(branch, step);
    const named = new Set(
      top
        .slice(0, 3)
        .filter((entry) => entry.share >= 0.1)
        .map((entry) => entry.unit),
    );
    let lastX = -100;
    this.source.words.forEach((word, k) => {
      const share = branch.saliency ? branch.saliency.data[step * branch.saliency.columns + k] : 0;
      setStyle(word.heat, "opacity", (share < 0.02 ? 0 : Math.min(1, share * 1.15)).toFixed(3));
      setStyle(this.source.marks[k], "opacity", Math.min(1, 0.16 + share * 1.1).toFixed(2));
      const shows = this.asked
        ? share > 0
        : named.has(k) && (word.middle - lastX > 36 || share >= (top[0]?.share || 0));
      if (shows) lastX = word.middle;
      setText(word.share, shows ? wholePercent(share) : "");
    });
  }
}

function setAttribute(element, name, value) {
  const key = `is ${name}`;
  if (element[key] === value) return;
  element[key] = value;
  element.setAttribute(name, value);
}

function between(from, goal, share) {
  const at = (a, b) => a + (b - a) * share;
  return {
    source: at(from.source, goal.source),
    target: at(from.target, goal.target),
    x: at(from.x, goal.x),
    width: at(from.width, goal.width),
    shares: goal.shares.map((value, k) => at(from.shares[k] || 0, value)),
  };
}
