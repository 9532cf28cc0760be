// The page's widget: a word and its neighbours, an analogy, and the map. Nothing is sent; every text goes in as text.

const SHOWN = 10;
const LABELS = 160; // at most, of the most frequent words in sight
const INPUTS = ["first", "second", "third"];

class WordsView {
  constructor(parent) {
    this.word = this.field("Word", "word", () => this.showWord());
    this.nearby = make("ol", { "aria-label": "nearest words" });
    this.said = make("p.said", { "aria-live": "polite" });
    this.analogy = Object.fromEntries(INPUTS.map((name, n) =>
      [name, this.field(["This", "is to this", "as this"][n], name, () => this.showAnalogy())]));
    this.answers = make("ol", { "aria-label": "answers to the analogy, the nearest first" });
    this.told = make("p.said", { "aria-live": "polite" });
    this.command = make("code");
    const left = make("div", {},
      make("section", {}, make("h3", { text: "Nearest words" }), this.word.label, this.nearby, this.said),
      make("section.analogies", {}, make("h3", { text: "Analogy" }),
        make("div.analogy", {}, ...INPUTS.map((name) => this.analogy[name].label)),
        make("p.help", { text: "… is to these words: second − first + third" }), this.answers, this.told));
    this.map = new WordMap((row) => this.go(row));
    this.root = make("div.microscope.wordmap", {}, make("div.two", {}, left, this.map.element),
      make("footer", {}, make("p.help", { text: "The same from the command line:" }), this.command));
    parent.append(this.root);
    this.observer = new ResizeObserver(() => this.map.measure());
    this.observer.observe(this.root);
  }

  field(text, name, oninput) {
    const input = make("input", { type: "text", name, autocomplete: "off", spellcheck: "false", maxlength: "60", oninput });
    return { input, label: make("label", { text }, input) };
  }

  update(data) {
    const paper = rgb(getComputedStyle(this.root).getPropertyValue("--paper"));
    this.root.dataset.theme = luminance(paper) < 0.25 ? "dark" : "light";
    if (data !== this.data) {
      this.data = data;
      const view = readPayload(data);
      const { words, streams } = view.branches[0];
      if (this.digest !== view.branches[0].digest) {
        this.digest = view.branches[0].digest;
        this.name = view.name;
        this.space = new WordSpace(words, streams[0].arrays.vectors);
        this.map.take(words, streams[0].arrays.map);
        this.word.input.value = view.start.word;
        for (const name of INPUTS) this.analogy[name].input.value = view.start[name];
      }
      this.showAnalogy();
      this.showWord();
    }
    this.map.readTheme();
  }

  go(row) {
    this.word.input.value = this.space.words[row];
    this.showWord();
  }

  showWord() {
    const began = performance.now();
    const row = this.space.find(this.word.input.value);
    if (row < 0) {
      this.unknown(this.word.input.value, this.said);
      this.nearby.replaceChildren();
      this.map.mark(-1, []);
    } else {
      const found = this.space.nearest([row], [1], SHOWN);
      this.list(this.nearby, found);
      this.map.mark(row, found.map(([other]) => other));
      setText(this.said, `${this.space.words[row]}: number ${(row + 1).toLocaleString("en")} of ` +
        `${this.space.words.length.toLocaleString("en")} by frequency.`);
    }
    this.root.dataset.ms = (performance.now() - began).toFixed(1);
    this.remember();
  }

  showAnalogy() {
    const given = INPUTS.map((name) => this.analogy[name].input.value);
    const rows = given.map((word) => this.space.find(word));
    const strange = rows.indexOf(-1);
    if (strange >= 0) {
      this.answers.replaceChildren();
      this.unknown(given[strange], this.told);
    } else {
      this.list(this.answers, this.space.nearest([rows[1], rows[0], rows[2]], [1, -1, 1], 5));
      setText(this.told, "");
    }
    this.remember();
  }

  unknown(word, place) {
    if (!word.trim()) return setText(place, "Type a word.");
    const like = this.space.like(word, 3);
    setText(place, `“${word.trim()}” has no vector.${like.length ? ` Known are ${like.join(", ")}.` : ""}`);
  }

  list(place, found) {
    place.replaceChildren(...found.map(([row, cosine]) => make("li", {}, make("button", {
      type: "button", onclick: () => this.go(row), "aria-label": `${this.space.words[row]}, cosine ${cosine.toFixed(2)}`,
    }, make("span.name", { text: this.space.words[row] }),
    make("div.rail", {}, make("div.fill", { style: `width:${Math.max(0, 100 * cosine).toFixed(1)}%` })),
    make("span.number", { text: cosine.toFixed(2) })))));
  }

  /** The address and the command line follow what is shown. */
  remember() {
    const quoted = (text) => (/^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
    setText(this.command, `python -m apps.word_vectors predict --model ${quoted(this.name)} --text ` +
      `${quoted(this.word.input.value.trim())}`);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const query = new URLSearchParams(window.location.search);
      query.set("word", this.word.input.value.trim());
      for (const name of INPUTS) query.set(name, this.analogy[name].input.value.trim());
      window.history.replaceState(window.history.state, "", `${window.location.pathname}?${query}${window.location.hash}`);
    }, 250);
  }

  stop() {
    clearTimeout(this.timer);
    this.observer.disconnect();
    this.root.remove();
  }
}

/** The map: drag to move, wheel or buttons to zoom, click a word. */
class WordMap {
  constructor(onchoose) {
    this.onchoose = onchoose;
    this.canvas = make("canvas", { tabindex: "0", role: "img",
      "aria-label": "map of the words; arrow keys move it, plus and minus zoom, the lists beside it say what is near" });
    this.hover = make("span.number", {});
    const button = (text, name, onclick) => make("button.small", { type: "button", text, "aria-label": name, onclick });
    this.element = make("div.map", {}, make("div.tools", {}, make("h3", { text: "Map" }),
      button("+", "zoom in", () => this.zoom(1.6)), button("−", "zoom out", () => this.zoom(1 / 1.6)),
      button("Whole", "show the whole map", () => this.whole()), button("To the word", "show the chosen word", () => this.find()),
      button("Download", "download the map as a picture", () => this.download()), this.hover), this.canvas);
    Object.assign(this.canvas, {
      onpointerdown: (e) => this.press(e), onpointermove: (e) => this.move(e), onpointerup: (e) => this.release(e),
      onkeydown: (e) => this.keys(e),
    });
    this.canvas.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    this.scale = 1;
    this.centre = [0, 0];
    this.chosen = -1;
    this.near = [];
  }

  take(words, places) {
    this.words = words;
    this.places = places ? places.data : new Float32Array(0);
    this.count = this.places.length / 2;
    this.widths = [new Map(), new Map()];
    this.element.hidden = !this.count;
  }

  measure() {
    const width = Math.round(this.canvas.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    this.height = Math.round(Math.min(620, Math.max(320, width * 0.8)));
    const ratio = window.devicePixelRatio || 1;
    this.canvas.style.height = `${this.height}px`;
    this.canvas.width = width * ratio;
    this.canvas.height = this.height * ratio;
    this.draw();
  }

  readTheme() {
    const style = getComputedStyle(this.canvas);
    this.colours = Object.fromEntries(["paper", "ink", "faint", "quiet", "accent", "input"].map((name) =>
      [name, cssColour(rgb(style.getPropertyValue(`--${name}`)))]));
    const word = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    this.words32 = Object.fromEntries(["paper", "faint"].map((name) => [name, word(rgb(style.getPropertyValue(`--${name}`)))]));
    this.font = style.getPropertyValue("--sans") || "sans-serif";
    this.draw();
  }

  mark(row, near) {
    const other = row !== this.chosen && this.chosen >= 0;
    this.chosen = row;
    this.near = near;
    if (other && row >= 0 && row < this.count && this.width) this.follow(row);
    this.draw();
  }

  /** Moves the map so that the word can be seen, where it cannot. */
  follow(row) {
    const [x, y] = this.at(row);
    if (x < 20 || y < 20 || x > this.width - 60 || y > this.height - 20)
      this.centre = [this.places[2 * row], this.places[2 * row + 1]];
  }

  at(row) {
    const unit = (Math.min(this.width, this.height) / 2) * this.scale;
    return [this.width / 2 + (this.places[2 * row] - this.centre[0]) * unit,
      this.height / 2 + (this.places[2 * row + 1] - this.centre[1]) * unit];
  }

  draw() {
    if (this.asked || !this.count || !this.width || !this.colours) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      const began = performance.now();
      this.paint();
      this.canvas.dataset.ms = (performance.now() - began).toFixed(1);
    });
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    const ratio = this.canvas.width / this.width;
    const seen = this.dots(pen, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const taken = new Set();
    const marked = [this.chosen, ...this.near].filter((row) => row >= 0 && row < this.count);
    marked.forEach((row) => this.point(pen, row, row === this.chosen));
    marked.forEach((row) => this.label(pen, row, taken, row === this.chosen ? "accent" : "input", true));
    let labels = 0;
    for (const row of seen) {
      if (labels >= LABELS) break;
      if (!marked.includes(row) && this.label(pen, row, taken, "quiet", false)) labels++;
    }
  }

  /** Every word as a dot, written as pixels: 20,000 calls of the pen would take longer. Gives the words in sight. */
  dots(pen, ratio) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) this.image = pen.createImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(this.words32.paper);
    const size = Math.max(1, Math.round(Math.min(4, 1.2 * Math.sqrt(this.scale)) * ratio));
    const unit = (Math.min(this.width, this.height) / 2) * this.scale * ratio;
    const [left, top] = [width / 2 - this.centre[0] * unit, height / 2 - this.centre[1] * unit];
    const seen = [];
    for (let row = 0; row < this.count; row++) {
      const x = Math.round(left + this.places[2 * row] * unit);
      const y = Math.round(top + this.places[2 * row + 1] * unit);
      if (x < 0 || y < 0 || x + size > width || y + size > height) continue;
      for (let line = y; line < y + size; line++) pixels.fill(this.words32.faint, line * width + x, line * width + x + size);
      if (seen.length < 1200) seen.push(row);
    }
    pen.putImageData(this.image, 0, 0);
    return seen;
  }

  point(pen, row, chosen) {
    const [x, y] = this.at(row);
    pen.fillStyle = this.colours[chosen ? "accent" : "input"];
    pen.beginPath();
    pen.arc(x, y, chosen ? 5.5 : 3.5, 0, 7);
    pen.fill();
  }

  /** Writes a word beside its point where no other word is; the chosen one in any case. */
  label(pen, row, taken, colour, always) {
    const whole = row === this.chosen;
    const [x, y] = this.at(row);
    pen.font = `${always ? "600 13px" : "11px"} ${this.font}`;
    const known = this.widths[always ? 1 : 0];
    const width = known.get(row) ?? known.set(row, pen.measureText(this.words[row]).width).get(row);
    const cells = [];
    for (let k = Math.floor(x / 14); k <= Math.floor((x + width + 10) / 14); k++) cells.push(`${k},${Math.floor(y / 14)}`);
    if (!whole && ((!always && x + width > this.width) || cells.some((cell) => taken.has(cell)))) return false;
    cells.forEach((cell) => taken.add(cell));
    const left = Math.min(x + 6, this.width - width - 4);
    if (always) {
      pen.lineWidth = 4;
      pen.strokeStyle = this.colours.paper;
      pen.strokeText(this.words[row], left, y + 4);
    }
    pen.fillStyle = this.colours[colour];
    pen.fillText(this.words[row], left, y + 4);
    return true;
  }

  nearestAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1;
    let least = 18 ** 2;
    for (let row = 0; row < this.count; row++) {
      const [left, top] = this.at(row);
      const distance = (left - x) ** 2 + (top - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  press(event) {
    this.dragged = 0;
    this.from = [event.clientX, event.clientY];
    this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.from) {
      const row = this.nearestAt(event);
      return setText(this.hover, row < 0 ? "" : this.words[row]);
    }
    const [dx, dy] = [event.clientX - this.from[0], event.clientY - this.from[1]];
    this.from = [event.clientX, event.clientY];
    this.dragged += Math.abs(dx) + Math.abs(dy);
    this.shift(-dx, -dy);
  }

  release(event) {
    if (this.from && this.dragged < 4) {
      const row = this.nearestAt(event);
      if (row >= 0) this.onchoose(row);
    }
    this.from = null;
  }

  shift(dx, dy) {
    const unit = (Math.min(this.width, this.height) / 2) * this.scale;
    this.centre = [this.centre[0] + dx / unit, this.centre[1] + dy / unit].map((v) => Math.min(1, Math.max(-1, v)));
    this.draw();
  }

  zoom(by) {
    this.scale = Math.min(60, Math.max(0.9, this.scale * by));
    this.draw();
  }

  wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.canvas && this.canvas.getRootNode().activeElement !== this.canvas) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  whole() {
    this.scale = 1;
    this.centre = [0, 0];
    this.draw();
  }

  find() {
    if (this.chosen < 0 || this.chosen >= this.count) return;
    this.scale = Math.max(this.scale, 12);
    this.centre = [this.places[2 * this.chosen], this.places[2 * this.chosen + 1]];
    this.draw();
  }

  keys(event) {
    const by = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] }[event.key];
    if (by) this.shift(...by);
    else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else return;
    event.preventDefault();
  }

  download() {
    this.canvas.toBlob((blob) => {
      const link = make("a", { href: URL.createObjectURL(blob), download: "word-map.png" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
}

const wordsViews = new WeakMap();

export default ({ data, parentElement }) => {
  let view = wordsViews.get(parentElement);
  if (!view) wordsViews.set(parentElement, (view = new WordsView(parentElement)));
  view.update(data);
  return () => {
    view.stop();
    wordsViews.delete(parentElement);
  };
};
