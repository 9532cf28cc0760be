// A photo and the words of its caption: choosing a word shows what it hangs on. Every text goes in as text; no server is asked.

const FEW = 0.05; // of a word's log-probability: what is less is no part that mattered
const MOST = 1280;
const SHARP = 1.5; // so that the parts that mattered most stand out of those that mattered a little

const percent = (p) => `${p >= 0.0995 ? Math.round(100 * p) : (100 * p).toPrecision(2)}\u00a0%`;
const largest = (word) => Math.max(0, ...word.lost);

/** How many times likelier, for people: 8.3, 120. */
const times = (loss) => {
  const value = Math.exp(Math.abs(loss));
  return value < 10 ? value.toFixed(1) : value < 1000 ? value.toFixed(0) : "over 1000";
};

class CoveredView {
  constructor(parent) {
    this.canvas = make("canvas", {
      role: "img", tabindex: -1, onpointermove: (e) => this.hover(e), onpointerleave: () => this.point(null),
    });
    this.cell = make("div.cell", { hidden: true });
    this.said = make("p.said", { "aria-live": "polite" });
    this.line = make("div.line", { role: "group", "aria-label": "words of the caption", onkeydown: (e) => this.keys(e) });
    this.time = make("p.help");
    const save = make("button.link", { type: "button", text: "Save this picture", onclick: () => this.save() });
    this.root = make("div.microscope.covered", {}, make("figure.frame", {}, this.canvas, this.cell), this.said, this.line,
      make("div.foot", {}, this.time, save));
    parent.append(this.root);
  }

  update(data) {
    const paper = rgb(getComputedStyle(this.root).getPropertyValue("--paper"));
    this.root.dataset.theme = luminance(paper) < 0.25 ? "dark" : "light";
    const stamp = `${data.photo.length} ${JSON.stringify(data.words)}`;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.data = data;
    const most = Math.max(1e-6, ...data.words.map(largest));
    this.buttons = data.words.map((word, number) => make(`button.word${word.text === "(end)" ? ".end" : ""}`, {
      type: "button", onclick: () => this.choose(number, true),
    }, make("span", { text: word.text }), make("span.weight", { style: `width:${Math.round(100 * largest(word) / most)}%` })));
    this.line.replaceChildren(...this.buttons);
    const places = data.rows * data.columns;
    setText(this.time, `A grey square was put on each of ${places} places and the caption weighed again: ` +
      `${data.seconds.toFixed(1)} s. The bars say how much each word hangs on the photo at all.`);
    this.photo = new Image();
    this.photo.onload = () => this.paint();
    this.photo.src = data.photo;
    this.choose(data.words.reduce((best, word, k) => (largest(word) > largest(data.words[best]) ? k : best), 0), false);
  }

  choose(number, focus) {
    this.at = number;
    this.buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === number));
      button.tabIndex = k === number ? 0 : -1;
    });
    if (focus) this.buttons[number].focus();
    this.point(null);
    if (this.photo?.complete) this.paint();
  }

  /** The values between the middles of the places, smooth: one a pixel of a small canvas. */
  mask(value, colour) {
    const { rows, columns } = this.data;
    const small = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    for (let k = 0; k < rows * columns; k++) pixels.data.set([...colour, Math.round(255 * value(k))], 4 * k);
    small.getContext("2d").putImageData(pixels, 0, 0);
    return small;
  }

  paint() {
    const { photo, canvas } = this;
    const scale = Math.min(1, MOST / Math.max(photo.naturalWidth, photo.naturalHeight));
    canvas.width = Math.max(1, Math.round(photo.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(photo.naturalHeight * scale));
    const { width, height } = canvas;
    const word = this.data.words[this.at];
    const most = Math.max(largest(word), FEW);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.filter = "grayscale(1) brightness(0.56) contrast(0.9)";
    context.drawImage(photo, 0, 0, width, height);
    context.filter = "none";
    const lit = new OffscreenCanvas(width, height);
    const over = lit.getContext("2d");
    over.imageSmoothingQuality = "high";
    over.drawImage(this.mask((k) => Math.max(0, word.lost[k] / most) ** SHARP, [0, 0, 0]), 0, 0, width, height);
    over.globalCompositeOperation = "source-in";
    over.drawImage(photo, 0, 0, width, height);
    context.drawImage(lit, 0, 0);
    this.hatch(context, word, most);
    canvas.setAttribute("aria-label", `The photo; lit is what “${word.text}” hangs on. ${this.said.textContent}`);
  }

  /** Orange lines where the word becomes likelier without what is there. */
  hatch(context, word, most) {
    const { width, height } = context.canvas;
    const against = new OffscreenCanvas(width, height);
    const over = against.getContext("2d");
    over.imageSmoothingQuality = "high";
    over.drawImage(this.mask((k) => Math.min(1, Math.max(0, -word.lost[k] / most - 0.12)), [0, 0, 0]), 0, 0, width, height);
    over.globalCompositeOperation = "source-in";
    over.strokeStyle = "#f0883e";
    over.lineWidth = Math.max(1, width / 320);
    over.fillStyle = "rgba(224, 122, 54, 0.18)";
    const lines = new OffscreenCanvas(width, height);
    const ink = lines.getContext("2d");
    ink.strokeStyle = over.strokeStyle;
    ink.lineWidth = over.lineWidth;
    ink.beginPath();
    for (let x = -height; x < width; x += Math.max(6, width / 50)) {
      ink.moveTo(x, height);
      ink.lineTo(x + height, 0);
    }
    ink.stroke();
    over.drawImage(lines, 0, 0);
    context.drawImage(against, 0, 0);
  }

  hover(event) {
    const box = this.canvas.getBoundingClientRect();
    const { rows, columns } = this.data;
    const column = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    this.point(row * columns + column);
  }

  /** Says what covering one place does; null: the place that does most. */
  point(place) {
    const word = this.data.words[this.at];
    const { rows, columns } = this.data;
    const strongest = word.lost.reduce((best, loss, k) => (loss > word.lost[best] ? k : best), 0);
    const at = place ?? strongest;
    this.cell.hidden = place === null;
    if (place !== null) {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const edge = (middle, count) => [Math.max(0, (middle - 0.5) / count), Math.min(1, (middle + 1.5) / count)];
      const [[top, bottom], [left, right]] = [edge(row, rows), edge(column, columns)];
      this.cell.style.cssText = `top:${100 * top}%;left:${100 * left}%;width:${100 * (right - left)}%;height:${100 * (bottom - top)}%`;
    }
    const loss = word.lost[at];
    const [before, after] = [Math.exp(word.log_prob), Math.exp(word.log_prob - loss)];
    if (place === null && loss < FEW) {
      setText(this.said, `No single part mattered for “${word.text}” (${percent(before)}): the words before it decide.`);
      return;
    }
    const where = place === null ? "the brightest part" : "this part";
    const what = Math.abs(loss) < FEW ? "changes little" : `makes it ${times(loss)} × ${loss > 0 ? "less likely" : "likelier"}`;
    setText(this.said, `“${word.text}”: covering ${where} ${what}, ${percent(before)}\u00a0→\u00a0${percent(after)}.`);
  }

  keys(event) {
    const last = this.buttons.length - 1;
    const to = { ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(Math.min(last, Math.max(0, to)), true);
  }

  save() {
    this.canvas.toBlob((blob) => {
      const link = make("a", { href: URL.createObjectURL(blob), download: `${this.data.words[this.at].text}.png` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  stop() {
    this.root.remove();
  }
}

const coveredViews = new WeakMap();

export default ({ data, parentElement }) => {
  let view = coveredViews.get(parentElement);
  if (!view) coveredViews.set(parentElement, (view = new CoveredView(parentElement)));
  view.update(data);
  return () => {
    view.stop();
    coveredViews.delete(parentElement);
  };
};
