// One unit opened: its equation with the numbers under the symbols, the same as a waterfall, its time curve, and edits.

const EDITS = [
  { action: "zero", label: "0", says: "silence" },
  { action: "one", label: "1", says: "hold at one" },
  { action: "freeze", label: "as it is", says: "freeze" },
];

class UnitPanel {
  constructor(store, inside) {
    this.store = store;
    this.inside = inside;
    this.number = make("input", {
      type: "number",
      min: "0",
      step: "1",
      "aria-label": "Unit number",
      onchange: () => this.pick(Number(this.number.value)),
    });
    this.of = make("span.of");
    this.why = make("button.link", { onclick: () => store.set({ unit: { ...store.unit, [store.side]: null } }) });
    this.title = make("h4", {}, make("span", { text: "Unit" }), this.number, this.of);
    this.equations = make("div.equations");
    this.fall = make("div.waterfall");
    this.hangs = make("p.small.hangs");
    this.curve = draw("svg.curve", { viewBox: "0 0 260 64", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.marker = draw("line.marker", { y1: 0, y2: 64 });
    this.legend = make("p.small.legend");
    this.edits = make("div.edits");
    this.element = make(
      "section.unitpanel",
      { "aria-label": "One unit" },
      make("div.unithead", {}, this.title),
      this.why,
      this.equations,
      this.fall,
      this.hangs,
      make("div.curvebox", {}, this.curve),
      this.legend,
      this.edits,
    );
    this.bars = {};
    this.editText = make("span.small.editing");
    this.editButtons = EDITS.map((edit) =>
      make("button.small", { text: edit.label, title: edit.says, onclick: () => this.edit(edit) }),
    );
    this.edits.append(this.editText, ...this.editButtons);
  }

  build() {
    this.edits.hidden = !this.store.view.can_edit;
    this.known = null;
  }

  pick(unit) {
    const { store } = this;
    const stream = this.inside.streams[store.side];
    if (!Number.isInteger(unit) || unit < 0 || unit >= stream.units) return this.step();
    store.set({ unit: { ...store.unit, [store.side]: unit } });
  }

  /** Everything about the opened unit at the looked-at column. */
  facts() {
    const { store, inside } = this;
    const side = inside.streams[store.side] ? store.side : "target";
    const stream = inside.streams[side];
    if (!stream) return null;
    const unit = inside.opened(side);
    const position = inside.position(side);
    const index = stream.place[position];
    const value = (name) => (stream.series[name] ? stream.series[name][position * stream.units + unit] : null);
    const edit = store.branch.edits
      .filter((entry) => entry.stream === stream.name && entry.unit === unit && index >= entry.from_step)
      .pop();
    return { side, stream, unit, position, index, value, before: memoryBefore(stream, position, unit), edit };
  }

  step() {
    const facts = this.facts();
    this.element.hidden = !facts;
    if (!facts) return;
    const { side, stream, unit, position, index } = facts;
    if (this.number !== this.number.getRootNode().activeElement) this.number.value = unit;
    this.number.max = stream.units - 1;
    setText(this.of, `of ${stream.name}`);
    const own = this.store.unit[side] !== null;
    this.why.disabled = !own;
    setText(this.why, own ? "follow the first of the order again" : "first of the order");
    this.equation(facts);
    this.waterfall(facts);
    this.hangsOn(facts);
    this.drawCurve(facts);
    const pieces = this.store.branch.pieces;
    const word = tokenText(stream.columns[position] || "", pieces, position === 0);
    setText(this.editText, `From ${side === "source" ? "reading" : "writing"} ‘${word}’ on, hold this unit at`);
    for (const [k, button] of this.editButtons.entries()) {
      setAttribute(button, "aria-label", `${EDITS[k].says} unit ${unit} of ${stream.name} from step ${index + 1} on`);
      button.disabled = Boolean(this.store.pending);
    }
  }

  equation(facts) {
    const { stream, value, before, edit } = facts;
    const previous = stream.reverse ? "t+1" : "t−1";
    const lines = [];
    const gru = stream.kind === "gru";
    const now = value(stream.memory);
    if (stream.series.cell && value("forget") !== null && value("candidate") !== null)
      lines.push([
        term("c", "t", "cell", now),
        sign("="),
        term("f", "", "forget", value("forget")),
        sign("·"),
        term("c", previous, "cell", before),
        sign("+"),
        stream.kind === "coupled" ? term("(1−f)", "", "input", value("input")) : term("i", "", "input", value("input")),
        sign("·"),
        term("g", "", "", value("candidate")),
      ]);
    if (stream.series.cell && value("output") !== null)
      lines.push([
        term("h", "t", "", value("hidden")),
        sign("="),
        term("o", "", "output", value("output")),
        sign("·"),
        term("tanh c", "t", "cell", Math.tanh(now)),
      ]);
    if (gru && value("update") !== null)
      lines.push([
        term("h", "t", "cell", now),
        sign("="),
        term("z", "", "forget", value("update")),
        sign("·"),
        term("h", previous, "cell", before),
        sign("+"),
        term("(1−z)", "", "input", 1 - value("update")),
        sign("·"),
        term("g", "", "", value("candidate")),
      ]);
    if (!lines.length)
      lines.push([
        term(stream.memory[0], "t", "cell", now),
        sign("from"),
        term(stream.memory[0], previous, "cell", before),
      ]);
    this.sayEquation(lines, edit);
  }

  /** Keeps the symbols and changes only the numbers, unless the shape of the equation changed. */
  sayEquation(lines, edit) {
    const shape = JSON.stringify(lines.map((line) => line.map((part) => [part.symbol, part.sub])));
    if (shape !== this.shape) {
      this.shape = shape;
      this.values = [];
      this.heldNote = make("p.small.heldnote");
      this.equations.replaceChildren(
        ...lines.map((line) =>
          make(
            "div.equation",
            { style: `grid-template-columns:repeat(${line.length},auto)` },
            ...line.map((part) => this.part(part)),
          ),
        ),
        this.heldNote,
      );
    }
    setStyle(this.equations, "--rows", String(lines.length + (edit ? 0.5 : 0)));
    let k = 0;
    for (const part of lines.flat()) if (part.value !== undefined) setText(this.values[k++], signed(part.value));
    setText(
      this.heldNote,
      edit
        ? `Your edit holds this unit: ${{ zero: "at 0", one: "at 1", freeze: "frozen", value: `at ${edit.value}` }[edit.action]}.`
        : "",
    );
  }

  part(part) {
    if (part.value === undefined) return make("span.sign", {}, make("i", { text: part.symbol }));
    const number = make("span.value");
    this.values.push(number);
    return make(
      `span.term${part.family ? `.${part.family}` : ""}`,
      {},
      make("i.symbol", { text: part.symbol }, part.sub ? make("sub", { text: part.sub }) : null),
      number,
    );
  }

  waterfall(facts) {
    const { stream, value, before } = facts;
    const keep = stream.keep ? value(stream.keep) : null;
    const now = value(stream.memory);
    const rows = [{ name: "before", family: "cellpale", from: 0, to: before }];
    if (keep !== null && value("candidate") !== null) {
      const added = (value("input") ?? 1 - keep) * value("candidate");
      rows.push({ name: "kept", family: "forget", from: 0, to: keep * before });
      rows.push({
        name: "added",
        family: "input",
        from: keep * before,
        to: keep * before + added,
        value: added,
        plus: true,
      });
    }
    rows.push({ name: "now", family: "cell", from: 0, to: now });
    if (stream.memory === "cell" && value("hidden") !== null)
      rows.push({ name: "shown", family: "output", from: 0, to: value("hidden") });
    const reach = Math.max(0.2, ...rows.flatMap((row) => [Math.abs(row.from), Math.abs(row.to)]));
    const names = rows.map((row) => row.name).join();
    if (names !== this.barNames) this.buildBars(rows, names);
    for (const row of rows) {
      const { bar, number } = this.bars[row.name];
      const [a, b] = [Math.min(row.from, row.to) / reach, Math.max(row.from, row.to) / reach];
      setStyle(
        bar,
        "transform",
        `translateX(${((a + 1) * 50).toFixed(2)}%) scaleX(${Math.max(0.004, (b - a) / 2).toFixed(4)})`,
      );
      setText(number, signed(row.value ?? row.to, 2, row.plus));
    }
  }

  buildBars(rows, names) {
    this.barNames = names;
    this.bars = {};
    setStyle(this.fall, "--rows", String(rows.length));
    this.fall.replaceChildren(
      ...rows.map((row) => {
        const bar = make(`i.bar.${row.family}`);
        const number = make("span.number");
        this.bars[row.name] = { bar, number };
        return make("div.fall", {}, make("span", { text: row.name }), make("span.track", {}, bar), number);
      }),
    );
  }

  hangsOn(facts) {
    const { value, side, stream } = facts;
    const gradient = value("gradient");
    const word = spokenToken(this.store.branch, this.store.step);
    setText(
      this.hangs,
      side === "target" && gradient !== null
        ? `∂ logit(${word}) / ∂ ${stream.memory === "cell" ? "c" : "h"} = ${signed(gradient, 3, true)}: ${Math.abs(gradient) < 5e-4 ? "the word does not hang on it." : `more of it ${gradient > 0 ? "favours" : "hinders"} the word.`}`
        : "",
    );
  }

  drawCurve(facts) {
    const { stream, unit, position } = facts;
    const key = `${this.store.branch.digest} ${stream.name} ${unit}`;
    if (key !== this.known) {
      this.known = key;
      const names = [stream.memory, stream.memory === "cell" && stream.series.hidden ? "hidden" : null].filter(Boolean);
      const series = names.map((name) =>
        [...Array(stream.steps)].map((_, t) => stream.series[name][t * stream.units + unit]),
      );
      this.reach = Math.max(0.1, ...series.flat().map(Math.abs)) * 1.08;
      const x = (t) => ((t + 0.5) / stream.steps) * 260;
      const y = (v) => 32 - (v / this.reach) * 30;
      this.curve.replaceChildren(
        draw("line.grid", { x1: 0, x2: 260, y1: 32, y2: 32 }),
        this.marker,
        ...series
          .map((values, k) =>
            draw(`polyline.${k ? "hidden" : "cell"}`, {
              points: values.map((v, t) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join(" "),
            }),
          )
          .reverse(),
      );
      const symbol = stream.memory === "cell" ? ["c", "h"] : ["h"];
      this.legend.replaceChildren(
        make("span", { text: `over ${facts.side === "source" ? "reading" : "writing"}, ±${this.reach.toFixed(1)}` }),
        ...symbol.slice(0, names.length).map((name, k) => make("b", {}, make(`i${k ? ".keyhidden" : ""}`), name)),
      );
    }
    const x = ((position + 0.5) / stream.steps) * 260;
    setAttribute(this.marker, "transform", `translate(${x.toFixed(1)} 0)`);
  }

  edit(edit) {
    const { stream, unit, index } = this.facts();
    this.store.request(
      { type: "edit", stream: stream.name, unit, action: edit.action, from_step: index, value: 0 },
      `Decoding with unit ${unit} of ${stream.name} ${{ zero: "at 0", one: "at 1", freeze: "frozen" }[edit.action]} from step ${index + 1}`,
    );
  }
}

const term = (symbol, sub, family, value) => ({ symbol, sub, family, value });
const sign = (symbol) => ({ symbol, sub: "" });
