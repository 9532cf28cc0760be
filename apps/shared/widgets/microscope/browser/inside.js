// Inside the LSTM: one time axis for reading and writing; mean gates above, units × time below, the future veiled.

const FEW_UNITS = 64;
const MEANS = ["forget", "update", "output", "input", "reset"];
const GATE_FAMILY = { forget: "forget", update: "forget", output: "output", input: "input", reset: "input" };
const SORTS = [
  { name: "change", label: "what changed most", says: "whose memory changed most at this step, most first" },
  { name: "keep", label: "what is forgotten most", says: "whose forget gate is most closed at this step, first" },
  {
    name: "gradient",
    label: "what the word hangs on",
    says: "on which the written word’s logit hangs most, by |∂ logit / ∂ c|",
  },
  { name: "size", label: "what is fullest", says: "that hold the most at this step, |c|" },
  { name: "index", label: "number", says: "by their number in the layer" },
];

class Inside {
  constructor(store) {
    this.store = store;
    const { head, note } = panelHead("Inside the LSTM", "");
    this.note = note;
    this.title = head.querySelector("h3");
    this.tabs = make("div.tabs", { role: "group", "aria-label": "What is drawn" });
    this.key = make("div.key", { "aria-hidden": "true" });
    this.selects = { source: this.select("Reading", "source"), target: this.select("Writing", "target") };
    this.sorting = this.sortSelect();
    this.hold = make("button.link", {
      "aria-pressed": "false",
      text: "hold this order",
      onclick: () => store.set({ held: !store.held }),
    });
    this.everything = make("button.link", { onclick: () => store.set({ all: !store.all }) });
    this.controls = make("div.controls", {}, this.tabs, this.key);
    this.choices = make(
      "div.choices",
      {},
      this.selects.source.field,
      this.selects.target.field,
      this.sorting.field,
      this.hold,
      this.everything,
    );
    this.chart = this.buildChart();
    this.convention = make("p.small.convention");
    this.head = head;
    this.main = make("div.main", {}, this.chart, this.convention);
    this.element = make(
      "section.panel.inside",
      { "aria-label": "Inside the LSTM" },
      head,
      this.controls,
      this.choices,
      this.main,
    );
    this.order = { source: null, target: null };
    this.colours = null;
  }

  select(label, side) {
    const list = make("select", {
      "aria-label": `${label}: layer`,
      onchange: () => {
        this.store.streamNames[side] = list.value;
        this.store.unit[side] = null;
        this.store.tell("branch");
        this.store.tell("step");
      },
    });
    return { list, field: make("label.field", {}, make("span", { text: label }), list) };
  }

  sortSelect() {
    const list = make("select", {
      "aria-label": "Order of the units",
      onchange: () => this.store.set({ sort: list.value, held: false }),
    });
    return { list, field: make("label.field", {}, make("span", { text: "First" }), list) };
  }

  buildChart() {
    this.canvas = { source: make("canvas.cells"), target: make("canvas.cells") };
    this.over = draw("svg.over", { "aria-hidden": "true" });
    this.veil = make("i.veil");
    this.veilClip = make("div.veilclip", {}, this.veil);
    this.cursor = { source: make("i.cursor.past"), target: make("i.cursor") };
    this.rowBox = { source: make("i.rowbox"), target: make("i.rowbox") };
    this.rowName = make("span.rowname");
    this.dots = make("div.dots");
    this.tip = make("div.tip", { "aria-hidden": "true", hidden: true });
    this.pad = make("div.pad");
    this.pad.onpointermove = (event) => this.point(event);
    this.pad.onpointerleave = () => (this.tip.hidden = true);
    this.pad.onclick = (event) => this.click(event);
    return make(
      "div.chart",
      { role: "img" },
      this.canvas.source,
      this.canvas.target,
      this.veilClip,
      this.over,
      this.dots,
      this.rowBox.source,
      this.rowBox.target,
      this.rowName,
      this.cursor.source,
      this.cursor.target,
      this.pad,
      this.tip,
    );
  }

  setColours(colours) {
    this.colours = colours;
    this.ramps = {};
  }

  rampOf(quantity) {
    const { colours } = this;
    const key = quantity.signed ? "signed" : quantity.family;
    return (this.ramps[key] ||= quantity.signed
      ? joined(ramp(colours.negative, colours.paper, 128), ramp(colours.paper, colours.cell, 128))
      : ramp(colours.paper, colours[quantity.family]));
  }

  build() {
    const { store } = this;
    this.streams = { source: store.stream("source"), target: store.stream("target") };
    this.element.hidden = !this.streams.target && !this.streams.source;
    if (this.element.hidden) return;
    const kind = (this.streams.target || this.streams.source).kind;
    setText(this.title, `Inside the ${{ gru: "GRU", rnn: "recurrent network" }[kind] || "LSTM"}`);
    for (const side of ["source", "target"]) this.fillSelect(side);
    this.fillSorts();
    this.fillTabs();
    this.order = { source: null, target: null };
    this.scales = {};
    this.measure();
  }

  fillSelect(side) {
    const { list, field } = this.selects[side];
    const streams = this.store.branch.sides[side];
    field.hidden = streams.length < 2;
    list.replaceChildren(...streams.map((stream) => make("option", { value: stream.name, text: stream.name })));
    list.value = this.store.streamNames[side];
  }

  fillSorts() {
    const { target, source } = this.streams;
    const stream = target || source;
    const fits = { keep: stream.keep, gradient: stream.series.gradient };
    const sorts = SORTS.filter((sort) => !(sort.name in fits) || fits[sort.name]);
    if (!sorts.some((sort) => sort.name === this.store.sort)) this.store.sort = "change";
    this.sorting.list.replaceChildren(...sorts.map((sort) => make("option", { value: sort.name, text: sort.label })));
  }

  fillTabs() {
    const { store } = this;
    this.tabs.replaceChildren(
      ...store.quantities().map((quantity) =>
        make(
          "button.tab",
          {
            "data-name": quantity.name,
            title: quantity.says,
            onclick: () => store.set({ quantity: quantity.name }),
          },
          make(`i.swatch.${quantity.family}${quantity.name === "carrousel" ? ".ring" : ""}`),
          quantity.label,
        ),
      ),
    );
  }

  quantity() {
    return (
      this.store.quantities().find((quantity) => quantity.name === this.store.quantity) || this.store.quantities()[0]
    );
  }

  /** Geometry, canvases' sizes and everything that does not move. */
  measure() {
    const width = this.main.clientWidth;
    if (!width || this.element.hidden || !this.colours) return;
    const { source, target } = this.streams;
    const [S, T] = [source ? source.steps : 0, target ? target.steps : 0];
    const wide = width > 560;
    const gap = S && T ? 14 : 0;
    const left = wide ? 46 : 26;
    const right = wide ? 92 : 4;
    const column = Math.max(2.5, Math.min(30, (width - left - right - gap) / (S + T)));
    const upright = column < 17;
    const letters = column >= 13 ? 12.5 : 10.5;
    // Too narrow for a word a column: only the looked-at ones are written.
    setClass(this.over, "sparse", column < 8.5);
    const longest = Math.max(
      ...[source, target]
        .filter(Boolean)
        .flatMap((s) =>
          s.columns.map((c, k) => textWidth(tokenText(c, this.store.branch.pieces, k === 0), `${letters}px serif`)),
        ),
      20,
    );
    const label = Math.min(96, upright ? longest + 8 : longest * 0.72 + 14) + 22;
    const gates = MEANS.filter((name) => (target || source).series[name]);
    const means = gates.length ? 74 : 0;
    this.geometry = {
      width,
      S,
      T,
      wide,
      gap,
      left,
      column,
      upright,
      letters,
      label,
      means,
      gates,
      x: { source: left, target: left + S * column + gap },
      rowsTop: label + means + (means ? 14 : 4),
    };
    this.drawStill();
    this.store.tell("inside");
  }

  /** Redraws what depends on the chosen quantity, order or number of rows. */
  refresh() {
    if (!this.geometry) return;
    const { store, geometry } = this;
    const quantity = this.quantity();
    this.carrousel = quantity.name === "carrousel";
    for (const tab of this.tabs.children) {
      const on = tab.dataset.name === quantity.name;
      tab.setAttribute("aria-pressed", String(on));
    }
    this.sorting.list.value = store.sort;
    this.hold.setAttribute("aria-pressed", String(store.held));
    const most = Math.max(
      ...Object.values(this.streams)
        .filter(Boolean)
        .map((stream) => stream.units),
    );
    this.everything.hidden = most <= FEW_UNITS || this.carrousel;
    setText(this.everything, store.all ? `show ${FEW_UNITS} units` : `show all ${most} units`);
    this.hold.hidden = this.sorting.field.hidden = this.carrousel;
    this.rows = (stream) => (this.carrousel ? 0 : Math.min(stream.units, store.all ? stream.units : FEW_UNITS));
    const lines = geometry.S + geometry.T;
    geometry.rowsHeight = this.carrousel
      ? Math.round(lines * Math.max(6, Math.min(14, 420 / lines)))
      : store.all
        ? Math.min(560, Math.max(300, most))
        : 288;
    const height = geometry.rowsTop + geometry.rowsHeight + 4;
    this.chart.style.height = `${height}px`;
    this.over.setAttribute("height", height);
    this.placeStill(height);
    this.showKey(quantity);
    if (this.carrousel) this.paintCarrousel();
    else this.rowLabels.replaceChildren();
    this.painted = { source: null, target: null };
    this.step();
  }

  placeStill(height) {
    const { geometry } = this;
    for (const side of ["source", "target"]) {
      const steps = side === "source" ? geometry.S : geometry.T;
      const wide = steps * geometry.column;
      const canvas = this.canvas[side];
      canvas.hidden = !steps;
      canvas.style.cssText = `left:${geometry.x[side]}px;top:${geometry.rowsTop}px;width:${wide}px;height:${geometry.rowsHeight}px`;
      this.cursor[side].style.width = `${Math.max(4, geometry.column)}px`;
      this.cursor[side].style.height = `${height - geometry.label + 2}px`;
      this.cursor[side].style.top = `${geometry.label - 4}px`;
      this.rowBox[side].style.cssText = `left:${geometry.x[side] - 2}px;width:${wide + 4}px;top:${geometry.rowsTop}px`;
      this.rowBox[side].cssKnown = null;
    }
    const wide = geometry.T * geometry.column;
    this.veilClip.style.cssText = `left:${geometry.x.target}px;top:${geometry.label}px;width:${wide}px;height:${height - geometry.label}px`;
    for (const element of [this.cursor.source, this.cursor.target, this.rowBox.source, this.rowBox.target, this.veil])
      for (const key of Object.keys(element)) if (key.startsWith("style ")) delete element[key];
  }

  /** Column words, mean gates, block titles: drawn once per branch, streams, width and theme. */
  drawStill() {
    const { geometry, store } = this;
    this.over.replaceChildren();
    this.over.setAttribute("width", geometry.width);
    this.columnWords = { source: [], target: [] };
    const titles = { source: `reading ${store.view.source.name}`, target: `writing ${store.view.target.name}` };
    for (const side of ["source", "target"]) {
      const stream = this.streams[side];
      if (!stream) continue;
      this.over.append(draw("text.blocktitle", { x: geometry.x[side], y: 11, text: titles[side] }));
      stream.columns.forEach((token, k) => this.columnWord(side, token, k));
      this.drawMeans(side, stream);
    }
    this.rowLabels = draw("g.rowlabels");
    this.over.append(this.rowLabels);
    this.drawMeanAxis();
    this.dots.replaceChildren();
    this.dotOf = {};
    for (const name of geometry.gates) {
      const dot = make(`i.dot.${GATE_FAMILY[name]}`);
      const value = make(`span.meanvalue.${GATE_FAMILY[name]}`);
      this.dots.append(dot, value);
      this.dotOf[name] = { dot, value };
    }
  }

  columnWord(side, token, k) {
    const { geometry } = this;
    const x = geometry.x[side] + (k + 0.5) * geometry.column;
    const y = geometry.label - 7;
    const turn = geometry.upright ? `rotate(-90 ${x} ${y})` : `rotate(-45 ${x} ${y})`;
    const word = draw(`text.columnword${isSpecial(token) ? ".special" : ""}`, {
      x: x + (geometry.upright ? 0 : -2),
      y: y + (geometry.upright ? 4 : 0),
      transform: turn,
      "font-size": geometry.letters,
      text: fitText(tokenText(token, this.store.branch.pieces, k === 0), `${geometry.letters}px serif`, 92),
    });
    this.columnWords[side].push(word);
    this.over.append(word);
  }

  meanY(value) {
    return this.geometry.label + 6 + (1 - value) * (this.geometry.means - 8);
  }

  drawMeans(side, stream) {
    const { geometry } = this;
    for (const name of geometry.gates) {
      if (!stream.series[name]) continue;
      const means = meanOver(stream, name);
      const points = [...means].map(
        (value, k) => `${(geometry.x[side] + (k + 0.5) * geometry.column).toFixed(1)},${this.meanY(value).toFixed(1)}`,
      );
      this.over.append(draw(`polyline.meanline.${GATE_FAMILY[name]}`, { points: points.join(" ") }));
    }
  }

  drawMeanAxis() {
    const { geometry } = this;
    if (!geometry.means) return;
    const end = geometry.x.target + geometry.T * geometry.column;
    for (const [value, label] of [
      [1, "1"],
      [0.5, "½"],
      [0, "0"],
    ]) {
      const y = this.meanY(value);
      this.over.prepend(draw("line.grid", { x1: geometry.left, x2: end, y1: y, y2: y }));
      this.over.append(draw("text.axis", { x: geometry.left - 7, y: y + 4, "text-anchor": "end", text: label }));
    }
  }

  showKey(quantity) {
    const { colours } = this;
    const [low, high] = this.carrousel
      ? ["forgotten", "all there"]
      : quantity.signed
        ? [signed(-this.scale(quantity), 1), signed(this.scale(quantity), 1, true)]
        : ["0 shut", "1 open"];
    const bar = make("canvas.keybar", { width: 256, height: 1 });
    const context = bar.getContext("2d");
    const image = context.createImageData(256, 1);
    new Uint32Array(image.data.buffer).set(this.rampOf(this.carrousel ? { family: "cell" } : quantity));
    context.putImageData(image, 0, 0);
    this.key.replaceChildren(make("span", { text: low }), bar, make("span", { text: high }));
  }

  /** What full colour means for a signed quantity: the 98th percentile of its size in both streams. */
  scale(quantity) {
    if (this.scales[quantity.name]) return this.scales[quantity.name];
    const sizes = [];
    for (const stream of Object.values(this.streams)) {
      const values = stream?.series[quantity.name];
      if (values) for (let k = 0; k < values.length; k += 1 + (values.length >> 13)) sizes.push(Math.abs(values[k]));
    }
    sizes.sort((a, b) => a - b);
    return (this.scales[quantity.name] = sizes[Math.floor(sizes.length * 0.98)] || 1);
  }

  /** The column that a side is looked at: the step, or the chosen (else the last read) source column. */
  position(side) {
    if (side === "target") return this.store.step;
    const stream = this.streams.source;
    return this.store.sourceColumn ?? stream.order[stream.steps - 1];
  }

  sorted(side) {
    const stream = this.streams[side];
    const position = this.position(side);
    const at = (name) => stream.series[name].subarray(position * stream.units, (position + 1) * stream.units);
    const sort = this.store.sort === "gradient" && !stream.series.gradient ? "change" : this.store.sort;
    let keys;
    if (sort === "keep") keys = at(stream.keep).map((value) => 1 - value);
    else if (sort === "gradient") keys = at("gradient").map(Math.abs);
    else if (sort === "size") keys = at(stream.memory).map(Math.abs);
    else if (sort === "index") keys = Float32Array.from({ length: stream.units }, (_, unit) => -unit);
    else keys = changes(stream, position);
    return Uint16Array.from(keys.keys()).sort((a, b) => keys[b] - keys[a]);
  }

  step() {
    if (!this.geometry || this.element.hidden) return;
    const { store } = this;
    for (const side of ["source", "target"]) {
      if (!this.streams[side]) continue;
      const stamp = `${this.position(side)} ${store.sort} ${store.held}`;
      const settled = this.order[side] && (store.held || this.sortedAt?.[side] === stamp);
      if (!settled) this.order[side] = this.sorted(side);
      (this.sortedAt ||= {})[side] = stamp;
      if (!this.carrousel && this.painted[side] !== this.order[side]) this.paintCells(side);
    }
    this.moveCursor();
    this.moveDots();
    this.markUnit();
    this.tell();
    this.markWords();
  }

  paintCells(side) {
    const stream = this.streams[side];
    const quantity = this.quantity();
    const values = stream.series[quantity.name];
    const canvas = this.canvas[side];
    const rows = this.rows(stream);
    this.painted[side] = this.order[side];
    if (canvas.width !== stream.steps || canvas.height !== rows)
      Object.assign(canvas, { width: stream.steps, height: rows });
    canvas.style.imageRendering = "pixelated";
    const context = canvas.getContext("2d");
    if (!values) return context.clearRect(0, 0, canvas.width, canvas.height);
    const image = context.createImageData(stream.steps, rows);
    const words = new Uint32Array(image.data.buffer);
    const colours = this.rampOf(quantity);
    const scale = quantity.signed ? 127.5 / this.scale(quantity) : 255;
    const offset = quantity.signed ? 127.5 : 0;
    for (let row = 0; row < rows; row++) {
      const unit = this.order[side][row];
      for (let t = 0; t < stream.steps; t++) {
        const level = values[t * stream.units + unit] * scale + offset;
        words[row * stream.steps + t] = colours[level < 0 ? 0 : level > 255 ? 255 : level | 0];
      }
    }
    context.putImageData(image, 0, 0);
  }

  moveCursor() {
    const { geometry, store } = this;
    const x = geometry.x.target + store.step * geometry.column;
    setStyle(this.cursor.target, "transform", `translateX(${x.toFixed(1)}px)`);
    setStyle(this.veil, "transform", `translateX(${((store.step + 1) * geometry.column).toFixed(1)}px)`);
    const reading = store.side === "source" && this.streams.source;
    this.cursor.source.hidden = !reading;
    if (reading)
      setStyle(
        this.cursor.source,
        "transform",
        `translateX(${(geometry.x.source + this.position("source") * geometry.column).toFixed(1)}px)`,
      );
  }

  moveDots() {
    const { geometry, store, streams } = this;
    if (!streams.target) return;
    const x = geometry.x.target + (store.step + 0.5) * geometry.column;
    const end = geometry.x.target + geometry.T * geometry.column + 10;
    const values = geometry.gates.map((name) => ({ name, value: meanOver(streams.target, name)[store.step] }));
    const places = spread(
      values.map((entry) => this.meanY(entry.value)),
      16,
    );
    values.forEach(({ name, value }, k) => {
      const { dot, value: label } = this.dotOf[name];
      setStyle(dot, "transform", `translate(${x.toFixed(1)}px,${this.meanY(value).toFixed(1)}px)`);
      setText(label, `${name} ${value.toFixed(2)}`);
      setStyle(
        label,
        "transform",
        geometry.wide
          ? `translate(${end.toFixed(0)}px,${places[k].toFixed(1)}px)`
          : `translate(${geometry.left + k * 84}px,${geometry.label - 6}px)`,
      );
    });
    setClass(this.dots, "narrow", !geometry.wide);
  }

  /** The unit that is opened: the reader's, or the first of the order. */
  opened(side) {
    return this.store.unit[side] ?? this.order[side]?.[0] ?? 0;
  }

  markUnit() {
    const { geometry, store } = this;
    for (const side of ["source", "target"]) {
      const stream = this.streams[side];
      const box = this.rowBox[side];
      const row = stream && !this.carrousel && store.side === side ? this.order[side].indexOf(this.opened(side)) : -1;
      const rows = stream ? this.rows(stream) : 1;
      box.hidden = row < 0 || row >= rows;
      if (box.hidden) {
        if (store.side === side) this.rowName.hidden = true;
        continue;
      }
      const tall = geometry.rowsHeight / rows;
      setStyle(box, "height", `${Math.max(4, tall + 3)}px`);
      setStyle(box, "transform", `translateY(${(row * tall - 1.5).toFixed(1)}px)`);
      this.rowName.hidden = false;
      // Beside the block, on the side where there is room; left of it there is some for a number.
      const beside = side === "target" && geometry.S > 0;
      setText(this.rowName, geometry.wide ? `${beside ? "unit " : ""}${this.opened(side)}` : "");
      const x = beside ? geometry.x.target + geometry.T * geometry.column + 8 : geometry.x[side] - 6;
      const y = (geometry.rowsTop + (row + 0.5) * tall).toFixed(1);
      setStyle(
        this.rowName,
        "transform",
        `translate(calc(${x.toFixed(0)}px - ${beside ? 0 : 100}%),calc(${y}px - 50%))`,
      );
    }
  }

  markWords() {
    const { store } = this;
    this.columnWords.target.forEach((word, k) => {
      setClass(word, "now", k === store.step);
      setClass(word, "future", k > store.step);
    });
    const reading = store.side === "source" ? this.position("source") : -1;
    this.columnWords.source.forEach((word, k) => setClass(word, "looked", k === reading));
  }

  tell() {
    const { store } = this;
    const stream = this.streams.target || this.streams.source;
    const units = stream.units;
    const shown = this.rows(stream);
    if (this.carrousel)
      setText(
        this.note,
        "Each row begins when its word is written into the cell and fades as the forget gates erase it.",
      );
    else {
      const order = SORTS.find((sort) => sort.name === store.sort).says;
      setText(
        this.note,
        `${shown === units ? `All ${units} units` : `The ${shown} of ${units} units`} of ${stream.name}, ${store.held ? "in the order you hold" : order}.`,
      );
    }
    const { branch, step } = store;
    const read = step ? `‘${tokenText(branch.tokens[step - 1], branch.pieces, step === 1)}’` : "the start token";
    const across =
      this.carrousel && this.streams.source
        ? ` Left and below: the product of the ${stream.keep} gates in between. Upper right, across the summary, where that product means nothing: ${branch.held ? branch.held_note : "not measured"}.`
        : "";
    setClass(this.convention, "long", this.carrousel);
    setText(
      this.convention,
      `A column on the right is the step that wrote its word, having read the one before: here it had read ${read} and wrote ‘${tokenText(branch.tokens[step], branch.pieces, step === 0)}’.${across}`,
    );
    setAttribute(
      this.chart,
      "aria-label",
      `${this.quantity().says}, units by time; at step ${step + 1} unit ${this.opened(store.side)} is opened.`,
    );
  }

  /** Words × time: the product of the keep gates within a layer, the measured derivative across the summary. */
  paintCarrousel() {
    const { geometry } = this;
    const { source, target } = this.streams;
    const lines = geometry.S + geometry.T;
    const tall = geometry.rowsHeight / lines;
    const names = [];
    const scale = Math.min(2, window.devicePixelRatio || 1);
    for (const side of ["source", "target"]) {
      const stream = this.streams[side];
      if (!stream) continue;
      const canvas = this.canvas[side];
      Object.assign(canvas, {
        width: Math.round(stream.steps * geometry.column * scale),
        height: Math.round(geometry.rowsHeight * scale),
      });
      canvas.style.imageRendering = "auto";
      const context = canvas.getContext("2d");
      context.scale(scale, scale);
      const cell = (row, t, share) => {
        context.fillStyle = cssColour(mix(this.colours.paper, this.colours.cell, Math.max(0, Math.min(1, share))));
        context.fillRect(t * geometry.column + 0.5, row * tall + 0.5, geometry.column - 1, tall - 1);
      };
      if (side === "target" && source) this.paintAcross(cell, source);
      if (!stream.keep) continue;
      const first = side === "target" ? geometry.S : 0;
      const shares = carrouselWithin(stream);
      for (let j = 0; j < stream.steps; j++)
        for (let t = 0; t < stream.steps; t++)
          if (stream.place[t] >= stream.place[j]) cell(first + j, t, shares[j * stream.steps + t]);
    }
    for (const side of ["source", "target"])
      this.streams[side]?.columns.forEach((token, k) => names.push({ side, token, k }));
    if (tall < 7.5) return this.rowLabels.replaceChildren();
    this.rowLabels.replaceChildren(
      ...names.map(({ side, token, k }, row) =>
        draw("text.rowlabel", {
          x:
            geometry.x[side] +
            (side === "source" && source?.reverse ? (k + 1) * geometry.column + 4 : k * geometry.column - 4),
          y: geometry.rowsTop + (row + 0.5) * tall + 3.5,
          "text-anchor": side === "source" && source?.reverse ? "start" : "end",
          "font-size": Math.min(11, tall),
          text: tokenText(token, this.store.branch.pieces, k === 0),
        }),
      ),
    );
  }

  paintAcross(cell, source) {
    const { branch, view } = this.store;
    if (!branch.held) return;
    view.source.units.forEach((unit, index) => {
      for (const column of unit.columns)
        for (let t = 0; t < branch.steps; t++) cell(column, t, branch.held.data[index * branch.held.columns + t]);
    });
  }

  /** Which block, column and row lie under the pointer. */
  under(event) {
    const { geometry } = this;
    if (!geometry) return null;
    const [x, y] = [event.offsetX, event.offsetY];
    for (const side of ["target", "source"]) {
      const stream = this.streams[side];
      if (!stream) continue;
      const column = Math.floor((x - geometry.x[side]) / geometry.column);
      if (column < 0 || column >= stream.steps) continue;
      const share = (y - geometry.rowsTop) / geometry.rowsHeight;
      const row =
        share >= 0 && share < 1
          ? Math.floor(share * (this.carrousel ? geometry.S + geometry.T : this.rows(stream)))
          : -1;
      return { side, stream, column, row, x, y };
    }
    return null;
  }

  point(event) {
    const found = this.under(event);
    this.tip.hidden = !found;
    if (!found) return;
    const { side, stream, column, row } = found;
    const word = tokenText(stream.columns[column] || "", this.store.branch.pieces, column === 0);
    let says = `${side === "source" ? "reading" : "writing"} ‘${word}’`;
    if (row >= 0 && !this.carrousel) {
      const quantity = this.quantity();
      const unit = this.order[side][row];
      const values = stream.series[quantity.name];
      if (values)
        says = `unit ${unit} · ${quantity.symbol} = ${signed(values[column * stream.units + unit])} · ${says}`;
    } else if (row >= 0) says = this.carrouselTip(found, says);
    setText(this.tip, says);
    const flip = found.x > this.geometry.width * 0.6;
    this.tip.style.transform = `translate(${found.x + (flip ? -10 : 12)}px,${found.y + 16}px)${flip ? " translateX(-100%)" : ""}`;
  }

  carrouselTip({ side, stream, column, row }, says) {
    const { geometry, store } = this;
    const fromSource = row < geometry.S;
    const origin = fromSource ? this.streams.source : this.streams.target;
    const j = fromSource ? row : row - geometry.S;
    const word = tokenText(origin.columns[j], store.branch.pieces, j === 0);
    let share = null;
    if (origin === stream && stream.keep && stream.place[column] >= stream.place[j])
      share = carrouselWithin(stream)[j * stream.steps + column];
    else if (fromSource && side === "target" && store.branch.held) {
      const unit = store.view.source.units.findIndex((entry) => entry.columns.includes(j));
      if (unit >= 0) share = store.branch.held.data[unit * store.branch.held.columns + column];
    }
    return share === null ? says : `${wholePercent(share)} of ‘${word}’ left when ${says}`;
  }

  click(event) {
    const found = this.under(event);
    if (!found) return;
    const { store } = this;
    const { side, column, row } = found;
    const unit = { ...store.unit };
    if (row >= 0 && !this.carrousel) unit[side] = this.order[side][row];
    if (side === "target") {
      store.unit = unit;
      store.side = "target";
      if (column !== store.step) store.go(column);
      else store.tell("step");
    } else {
      Object.assign(store, { unit, side, sourceColumn: column });
      store.tell("step");
    }
  }
}

function joined(a, b) {
  const both = new Uint32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Moves close labels apart, keeping their order. */
function spread(places, least) {
  const order = places.map((y, k) => ({ y, k })).sort((a, b) => a.y - b.y);
  for (let pass = 0; pass < 6; pass++)
    for (let n = 1; n < order.length; n++) {
      const short = least - (order[n].y - order[n - 1].y);
      if (short <= 0) continue;
      order[n - 1].y -= short / 2;
      order[n].y += short / 2;
    }
  const result = [];
  for (const { y, k } of order) result[k] = y;
  return result;
}
