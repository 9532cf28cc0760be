// A text as a classifier read it; what Python sends is described in __init__.py. Nothing here asks the server.

const CURVE = { height: 150, left: 34, right: 8, top: 10, bottom: 20 };
const FAMILIES = ["input", "forget", "output", "cell", "negative"];
const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)} %`;
const signedNumber = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** One text: verdict, words, the curve of verdicts, and the layers. */
class TextPanel {
  constructor(text, theme) {
    this.text = text;
    this.theme = theme;
    this.at = text.words.length - 1;
    text.streams.forEach((stream) => deriveStream(stream, []));
    this.stream = text.streams[0];
    this.quantity = "cell";
    this.element = make("section.text", { "aria-label": text.title }, ...this.parts());
  }

  parts() {
    const { text } = this;
    this.words = this.makeWords();
    this.range = make("input", {
      type: "range", min: 0, max: Math.max(0, text.words.length - 1), value: this.at, "aria-label": `Word of ${text.title}`,
      oninput: () => this.walk(Number(this.range.value)),
    });
    this.where = make("span.number", {});
    this.said = make("p.said", { "aria-live": "polite" });
    this.curve = make("div.picture", { role: "img", "aria-label": "Verdict after each word" });
    return [
      make("p.verdict", {}, text.labels[text.verdict], make("span.sure", { text: ` ${percent(text.probabilities[text.verdict])}` })),
      this.makeBars(),
      ...text.notices.map((notice) => make("p.help", { text: notice })),
      this.words,
      make("div.walk", {}, this.range, this.where),
      this.said,
      this.head("Had the text ended here", "The verdict on each beginning of the text, as if nothing came after it.", () => this.saveCurve()),
      this.curve,
      ...(this.stream ? this.layerParts() : []),
    ];
  }

  head(title, help, save) {
    const button = make("button.link", { text: "save picture", type: "button", "aria-label": `Save the picture: ${title}`, onclick: save });
    return panelHead(title, help, button).head;
  }

  makeBars() {
    const { text } = this;
    const bars = text.labels.map((label, k) => {
      const fill = make("div.fill", { style: `width:${100 * text.probabilities[k]}%` });
      const row = make("div.bar", {}, make("span.name", { text: label }), make("div.rail", {}, fill), make("span.number", { text: percent(text.probabilities[k]) }));
      setClass(row, "chosen", k === text.verdict);
      return row;
    });
    return make("div.bars", {}, ...bars.slice(0, 12));
  }

  /** Words in the browser's own wrapping; a click on one goes there. */
  makeWords() {
    const { text } = this;
    const strongest = Math.max(1e-6, ...text.contributions.map(Math.abs));
    this.spans = text.words.map((word, k) => {
      const value = text.contributions[k];
      const span = make("span.word", { text: word, title: `${signedNumber(value)} to the log-odds of “${text.labels[text.verdict]}”` });
      span.style.setProperty(value < 0 ? "--against" : "--for", Math.abs(value) / strongest);
      if (value < 0) span.classList.add("against");
      return span;
    });
    const box = make("div.words", { tabindex: "0", role: "group", "aria-label": "Words by what they contributed; arrow keys walk along them" });
    this.spans.forEach((span, k) => {
      span.dataset.at = k;
      box.append(span, " ");
    });
    box.addEventListener("click", (event) => event.target.dataset.at !== undefined && this.walk(Number(event.target.dataset.at)));
    box.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key];
      if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.walk(this.at + move);
    });
    return box;
  }

  layerParts() {
    const { text } = this;
    const layers = make("select", { "aria-label": "Layer", onchange: () => this.choose(Number(layers.value), this.quantity) });
    text.streams.forEach((stream, k) => layers.append(make("option", { value: k, text: stream.name })));
    this.quantities = make("select", { "aria-label": "What to show", onchange: () => this.choose(Number(layers.value), this.quantities.value) });
    this.film = make("div.film", {});
    this.scroll = make("div.scroll", { tabindex: "0", role: "img" }, this.film);
    this.units = make("p.help", {});
    const parts = [
      this.head("Inside the layers", "A row is a unit, a column a word; the last column is the end of the text.", () => this.saveFilm()),
      make("div.tools", {}, layers, this.quantities),
      this.scroll,
      this.units,
    ];
    this.choose(0, this.quantity, false);
    return parts;
  }

  choose(number, quantity, redraw = true) {
    this.stream = this.text.streams[number];
    const names = this.stream.quantities.map((one) => one.name);
    this.quantity = names.includes(quantity) ? quantity : names[0];
    const options = this.stream.quantities.map((one) =>
      make("option", { value: one.name, text: `${one.label} ${one.symbol}`, selected: one.name === this.quantity }),
    );
    this.quantities.replaceChildren(...options);
    if (redraw) this.measure(this.width);
  }

  walk(at) {
    this.at = Math.max(0, Math.min(this.text.words.length - 1, at));
    this.step();
  }

  /** Everything that depends on the width; once a resize. */
  measure(width) {
    this.width = width;
    this.drawCurve();
    if (this.stream) this.drawFilm();
    this.step();
  }

  place(length) {
    const { left, right } = CURVE;
    return left + ((this.width - left - right) * length) / Math.max(1, this.text.words.length);
  }

  drawCurve() {
    const { text } = this;
    const { height, top, bottom, left, right } = CURVE;
    const y = (share) => top + (height - top - bottom) * (1 - share);
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      parts.push(draw("line", { x1: left, x2: this.width - right, y1: y(share), y2: y(share), stroke: this.css("hair") }));
      parts.push(draw("text", { x: left - 5, y: y(share) + 4, "text-anchor": "end", text: percent(share).replace(".0", "") }));
    }
    const shown = text.labels.length === 2 ? [1] : text.labels.map((_, k) => k).slice(0, 12);
    shown.forEach((k) => {
      const points = text.prefix_lengths.map((length, n) => `${this.place(length).toFixed(1)},${y(text.prefixes[n][k]).toFixed(1)}`);
      const chosen = k === text.verdict || shown.length === 1;
      const colour = this.css(shown.length === 1 ? "input" : FAMILIES[k % FAMILIES.length]);
      parts.push(draw("polyline", { points: points.join(" "), fill: "none", stroke: colour, "stroke-width": chosen ? 2.5 : 1.3, "stroke-opacity": chosen ? 1 : 0.7 }));
    });
    const names = shown.map((k) => text.labels[k]);
    const key = draw("text", { x: left, y: height - 5, text: `words →   ${names.length === 1 ? `probability of “${names[0]}”` : names.join(" · ")}` });
    this.mark = draw("line", { y1: top, y2: height - bottom, stroke: this.css("ink"), "stroke-dasharray": "3 3" });
    this.picture = draw("svg", { width: this.width, height, viewBox: `0 0 ${this.width} ${height}` }, ...parts, key, this.mark);
    this.picture.addEventListener("click", (event) => {
      const along = (event.clientX - this.picture.getBoundingClientRect().left - left) / (this.width - left - right);
      this.walk(Math.round(along * text.words.length) - 1);
    });
    this.curve.replaceChildren(this.picture);
  }

  /** The heat map of one quantity: an image of one pixel a number, blown up. */
  drawFilm() {
    const { stream } = this;
    const values = stream.series[this.quantity];
    const told = QUANTITIES.find((one) => one.name === this.quantity);
    const { steps, units } = stream;
    const paper = this.theme.paper;
    const up = ramp(paper, this.theme[told.family]);
    const down = ramp(paper, this.theme.negative);
    let most = 1;
    if (told.signed) most = values.reduce((before, value) => Math.max(before, Math.abs(value)), 1e-6);
    const image = new ImageData(steps, units);
    const words = new Uint32Array(image.data.buffer);
    for (let t = 0; t < steps; t++)
      for (let u = 0; u < units; u++) {
        const value = values[t * units + u] / most;
        words[u * steps + t] = (value < 0 ? down : up)[Math.min(255, Math.round(255 * Math.abs(value)))];
      }
    const canvas = Object.assign(document.createElement("canvas"), { width: steps, height: units });
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.column = Math.max(6, (this.width - 4) / steps);
    canvas.style.cssText = `width:${this.column * steps}px;height:${Math.max(120, units * 3)}px`;
    canvas.addEventListener("click", (event) => this.walk(Math.floor(event.offsetX / this.column)));
    this.cursor = make("div.cursor", { style: `width:${this.column}px` });
    this.canvas = canvas;
    this.film.replaceChildren(canvas, this.cursor);
    this.film.style.width = `${this.column * steps}px`;
    const way = stream.reverse ? "It read from the end to the beginning. " : "";
    this.scroll.setAttribute("aria-label", `${stream.name}: ${told.says}, by unit and word`);
    setText(this.units, `${way}${told.says}. ${told.signed ? `Green is below 0; the strongest is ${most.toFixed(2)}.` : "White is 0, full colour 1."}`);
  }

  step() {
    const { text, at } = this;
    this.range.value = at;
    setText(this.where, text.words.length ? `word ${at + 1} of ${text.words.length}` : "");
    const before = this.walked ?? -1;
    for (let k = Math.max(0, Math.min(before, at)); k <= Math.max(before, at); k++) {
      setClass(this.spans[k], "here", k === at);
      setClass(this.spans[k], "later", k > at);
    }
    this.walked = at;
    const here = this.spans[at];
    if (here && (here.offsetTop < this.words.scrollTop || here.offsetTop + 30 > this.words.scrollTop + this.words.clientHeight))
      this.words.scrollTop = Math.max(0, here.offsetTop - 60);
    setText(this.said, this.sentence());
    const length = this.text.prefix_lengths[this.nearest()];
    for (const name of ["x1", "x2"]) this.mark?.setAttribute(name, this.place(length || 0));
    if (this.cursor) {
      this.cursor.style.transform = `translateX(${at * this.column}px)`;
      const left = at * this.column;
      if (left < this.scroll.scrollLeft || left + 12 > this.scroll.scrollLeft + this.width) this.scroll.scrollLeft = left - this.width / 2;
    }
  }

  /** The prefix with a verdict that lies nearest. */
  nearest() {
    const wanted = this.at + 1;
    let best = 0;
    this.text.prefix_lengths.forEach((length, n) => {
      if (Math.abs(length - wanted) <= Math.abs(this.text.prefix_lengths[best] - wanted)) best = n;
    });
    return best;
  }

  sentence() {
    const { text, at } = this;
    if (!text.words.length) return "";
    const n = this.nearest();
    const shares = text.prefixes[n];
    const best = shares.indexOf(Math.max(...shares));
    const value = text.contributions[at];
    const gates = this.stream ? this.gateSentence() : "";
    return `After ${text.prefix_lengths[n]} words: ${text.labels[best]}, ${percent(shares[best])}. “${text.words[at]}” adds ${signedNumber(value)} to the log-odds of “${text.labels[text.verdict]}”.${gates}`;
  }

  gateSentence() {
    const parts = ["input", "forget", "output", "update", "reset"]
      .filter((name) => this.stream.series[name])
      .map((name) => `${name} ${meanOver(this.stream, name)[this.at].toFixed(2)}`);
    return parts.length ? ` ${this.stream.name}, gates on average: ${parts.join(", ")}.` : "";
  }

  css(name) {
    return getComputedStyle(this.element).getPropertyValue(`--${name}`).trim() || "#888";
  }

  saveCurve() {
    const copy = this.picture.cloneNode(true);
    copy.setAttribute("xmlns", SVG);
    copy.style.background = this.css("paper");
    copy.querySelectorAll("line, polyline").forEach((line) => line.setAttribute("stroke", cssColour(rgb(line.getAttribute("stroke")))));
    this.save(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }), "verdicts.svg");
  }

  saveFilm() {
    const scale = 4;
    const large = Object.assign(document.createElement("canvas"), { width: this.canvas.width * scale, height: this.canvas.height * scale });
    const pen = large.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.canvas, 0, 0, large.width, large.height);
    large.toBlob((blob) => this.save(blob, `${this.stream.name.replace(/\W+/g, "-")}-${this.quantity}.png`));
  }

  save(blob, name) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

class ReadingView {
  constructor(parent) {
    this.texts = make("div.texts", {});
    this.command = make("code", {});
    const footer = make("footer", {}, make("p.help", { text: "Contributions: integrated gradients from a text without any known word; they add up to the change of the log-odds. The same from the command line:" }), this.command);
    this.root = make("div.microscope.reading", { role: "group", "aria-label": "What the classifier read" }, this.texts, footer);
    parent.append(this.root);
    this.panels = [];
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
  }

  update(data) {
    const stamp = this.readTheme();
    if (data === this.data && stamp === this.stamp) return;
    if (data !== this.data) this.view = readPayload(data);
    this.data = data;
    this.stamp = stamp;
    const places = this.panels.map((panel) => panel.at);
    const same = this.drawn === this.view;
    this.drawn = this.view;
    this.address = new Address({ view: this.view, branch: this.view.branches[0], step: "" });
    this.panels = this.view.branches.map((text) => new TextPanel(text, this.theme));
    this.texts.replaceChildren(...this.panels.map((panel) => panel.element));
    if (same) this.panels.forEach((panel, k) => (panel.at = places[k]));
    setText(this.command, this.view.command);
    this.width = 0;
    this.measure();
    this.address.touch();
  }

  measure() {
    if (!this.panels.length) return;
    const width = Math.round(this.panels[0].element.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    this.panels.forEach((panel) => panel.measure(width));
  }

  readTheme() {
    const paper = rgb(getComputedStyle(this.root).getPropertyValue("--paper"));
    this.root.dataset.theme = luminance(paper) < 0.25 ? "dark" : "light";
    const style = getComputedStyle(this.root);
    this.theme = { paper };
    for (const name of FAMILIES) this.theme[name] = rgb(style.getPropertyValue(`--${name}`));
    return `${paper} ${this.theme.input}`;
  }

  stop() {
    this.observer.disconnect();
    this.address?.stop();
    this.root.remove();
  }
}

const readingViews = new WeakMap();

export default ({ data, parentElement }) => {
  let view = readingViews.get(parentElement);
  if (!view) readingViews.set(parentElement, (view = new ReadingView(parentElement)));
  view.update(data);
  return () => {
    view.stop();
    readingViews.delete(parentElement);
  };
};
