// The live cell: one unit of each kind on one sequence that the user draws. Nothing here asks the server.

const GATE_NAMES = ["input", "forget", "cell", "output"]
const LSTM_LABELS = ["input <i>ι</i>", "forget <i>φ</i>", "candidate <i>c</i>", "output <i>ω</i>"]
const GRU_LABELS = ["update <i>z</i>", "reset <i>r</i>", "candidate <i>h</i>"]
const GRU_COLORS = ["forget", "output", "cell"]

const copyOf = (thing) => JSON.parse(JSON.stringify(thing))

/** From the desk's scalars to one-unit layers. */
function deskWeights(desk) {
  const layer = ({ w, u, b }) => ({ units: 1, kernel: [w], recurrent: [u], bias: b })
  const lstm = layer(desk.lstm)
  if (desk.peepholes) lstm.peephole = desk.lstm.p.map((p) => [p])
  return { rnn: layer(desk.rnn), lstm, gru: layer(desk.gru) }
}

function runDesk(desk) {
  const weights = deskWeights(desk)
  const inputs = desk.inputs.map((x) => [x])
  return Object.fromEntries(["rnn", "lstm", "gru"].map((kind) => [kind, FORWARD[kind](weights[kind], inputs)]))
}

/** The numbers of the desk in one short line for the address, and back. */
const ORDER = [["lstm", "w"], ["lstm", "u"], ["lstm", "b"], ["lstm", "p"], ["gru", "w"], ["gru", "u"], ["gru", "b"], ["rnn", "w"], ["rnn", "u"], ["rnn", "b"]]
function packDesk(desk, step) {
  const numbers = [...desk.inputs, ...ORDER.flatMap(([unit, part]) => desk[unit][part])]
  return [desk.key, Number(desk.peepholes), step, numbers.map((v) => Math.round(v * 100)).join(".")].join("~")
}
function unpackDesk(packed, stories) {
  const [key, peepholes, step, numbers] = String(packed || "").split("~")
  const story = stories.find((s) => s.key === key)
  const values = (numbers || "").split(".").map((v) => Number(v) / 100)
  const desk = copyOf(story || stories[0])
  const wanted = desk.inputs.length + ORDER.reduce((sum, [unit, part]) => sum + desk[unit][part].length, 0)
  if (!story || values.length !== wanted || values.some((v) => !Number.isFinite(v) || Math.abs(v) > 20)) return { desk: copyOf(stories[0]), step: null }
  desk.inputs = values.splice(0, desk.inputs.length).map((v) => Math.max(-1, Math.min(1, v)))
  for (const [unit, part] of ORDER) desk[unit][part] = values.splice(0, desk[unit][part].length)
  desk.peepholes = peepholes === "1"
  return { desk, step: Number(step) || 0 }
}

class LiveCell {
  constructor(root) {
    this.node = root
    this.remember = rememberInAddress("cell")
  }

  update(data) {
    const { desk, step } = unpackDesk(fromAddress("cell"), data.stories)
    this.desk = desk
    this.build()
    this.stepper.resize(this.desk.inputs.length, step ?? 5)
  }

  // ---- what stays: the desk and the frames ----

  build() {
    this.stepper = new Stepper("time", () => this.drawStep())
    this.stories = choices("story", this.data.stories.map((s) => [s.key, s.title]), this.desk.key, (key) => this.tell(key))
    this.text = element("p", { class: "say story-text" })
    this.timeDrawing = element("div", { class: "time-drawing" })
    this.note = element("div", { class: "note", "aria-live": "polite" })
    this.bars = element("div", { class: "bars", role: "group", "aria-label": "the input sequence, one slider a step" })
    this.figure = element("div", { class: "figure" }, this.timeDrawing, this.bars)
    this.diagrams = element("div", { class: "diagrams" })
    this.equation = element("div", { class: "equation" })
    this.sums = element("div", { class: "sums" })
    this.deskPanel = element("div", { class: "desk" })
    this.node.replaceChildren(
      element("div", { class: "above" }, this.stories, this.text),
      element("div", { class: "stage" }, 
        element("div", { class: "left" }, this.figure, this.stepper.element, downloadButton(() => this.timeDrawing.querySelector("svg"), "unrolled-cell")),
        element("div", { class: "right" }, this.note, this.deskPanel)),
      element("div", { class: "inside" }, this.diagrams, element("div", { class: "numbers" }, this.equation, this.sums)),
    )
    this.buildDesk()
    this.buildBars()
  }

  buildDesk() {
    const changed = () => this.compute()
    const bias = (unit, k, label, color) =>
      slider({ label, min: -12, max: 12, step: 0.1, value: this.desk[unit].b[k], className: color, show: signed, onInput: (v) => ((this.desk[unit].b[k] = v), changed()) })
    const peepholes = element("input", { type: "checkbox", onchange: () => ((this.desk.peepholes = peepholes.checked), changed()) })
    peepholes.checked = this.desk.peepholes
    const kinds = choices("input sequence", this.data.inputs.map((k) => [k.key, k.title]), null, (key) => {
      this.desk.inputs = [...this.data.inputs.find((k) => k.key === key).values]
      changed()
    })
    kinds.classList.add("small")
    this.deskPanel.replaceChildren(
      element("h2", {}, "Gate biases"),
      element("div", { class: "group", role: "group", "aria-label": "LSTM biases" }, element("span", { class: "unit" }, "LSTM"),
        ...[0, 1, 3, 2].map((k) => bias("lstm", k, LSTM_LABELS[k], GATE_NAMES[k])),
        element("label", { class: "check" }, peepholes, " peepholes: the gates see the cell")),
      element("div", { class: "group", role: "group", "aria-label": "GRU biases" }, element("span", { class: "unit" }, "GRU"), ...GRU_LABELS.map((label, k) => bias("gru", k, label, GRU_COLORS[k]))),
      element("div", { class: "group", role: "group", "aria-label": "RNN bias" }, element("span", { class: "unit" }, "RNN"), bias("rnn", 0, "unit", "plain")),
      element("h2", {}, "Input"),
      kinds,
      element("p", { class: "say hint" }, "Draw in the bars, or step through them with the arrow keys."),
      this.weightsPanel(),
    )
  }

  /** Every other weight, folded away: the stories set them. */
  weightsPanel() {
    const rows = [
      ["lstm", "w", ["ι", "φ", "c", "ω"], "LSTM, from x"], ["lstm", "u", ["ι", "φ", "c", "ω"], "LSTM, from h"], ["lstm", "p", ["ι", "φ", "ω"], "LSTM, peepholes"],
      ["gru", "w", ["z", "r", "h"], "GRU, from x"], ["gru", "u", ["z", "r", "h"], "GRU, from h"], ["rnn", "w", [""], "RNN, from x"], ["rnn", "u", [""], "RNN, from h"],
    ]
    const cell = (unit, part, k, label) =>
      element("input", { type: "number", min: -20, max: 20, step: 0.1, value: this.desk[unit][part][k], "aria-label": label,
        oninput: (event) => {
          const typed = Number(event.target.value)
          if (!Number.isFinite(typed)) return
          this.desk[unit][part][k] = Math.max(-20, Math.min(20, typed))
          this.compute()
        } })
    return element("details", {}, element("summary", {}, "all weights"),
      ...rows.map(([unit, part, names, title]) =>
        element("div", { class: "weight-row" }, element("span", {}, title), ...names.map((name, k) => element("label", {}, element("i", {}, name), cell(unit, part, k, `${title} ${name}`))))))
  }

  buildBars() {
    this.bars.replaceChildren(
      ...this.desk.inputs.map((_, k) =>
        element("div", { class: "bar", role: "slider", tabindex: k === 0 ? 0 : -1, "aria-orientation": "vertical", "aria-valuemin": -1, "aria-valuemax": 1, "aria-label": `input at step ${k + 1}`, "data-k": k })),
    )
    this.bars.onkeydown = (event) => this.barKey(event)
    this.bars.onpointerdown = (event) => {
      this.bars.setPointerCapture(event.pointerId)
      this.dragging = true
      this.drag(event)
      event.preventDefault()
    }
    this.bars.onpointermove = (event) => this.dragging && this.drag(event)
    this.bars.onpointerup = this.bars.onpointercancel = () => (this.dragging = false)
  }

  drag(event) {
    const box = this.bars.getBoundingClientRect()
    const k = Math.floor(((event.clientX - box.left) / box.width) * this.desk.inputs.length)
    const value = 1 - (2 * (event.clientY - box.top)) / box.height
    this.setInput(Math.max(0, Math.min(this.desk.inputs.length - 1, k)), Math.abs(value) < 0.06 ? 0 : value)
  }

  barKey(event) {
    const k = Number(event.target.dataset.k)
    const steps = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 0.5, PageDown: -0.5 }
    const moves = { ArrowRight: 1, ArrowLeft: -1 }
    if (event.key in steps) this.setInput(k, this.desk.inputs[k] + steps[event.key])
    else if (event.key === "Home") this.setInput(k, -1)
    else if (event.key === "End") this.setInput(k, 1)
    else if (event.key === "0" || event.key === "Delete") this.setInput(k, 0)
    else if (event.key in moves) this.focusBar(k + moves[event.key])
    else return
    event.preventDefault()
  }

  focusBar(k) {
    const bars = [...this.bars.children]
    const at = Math.max(0, Math.min(bars.length - 1, k))
    bars.forEach((bar, n) => (bar.tabIndex = n === at ? 0 : -1))
    bars[at].focus()
    this.stepper.go(at)
  }

  setInput(k, value) {
    this.desk.inputs[k] = Math.max(-1, Math.min(1, Math.round(value * 100) / 100))
    this.compute()
    this.stepper.go(k)
  }

  tell(key) {
    this.desk = copyOf(this.data.stories.find((s) => s.key === key))
    this.buildDesk()
    this.compute()
  }

  // ---- what moves ----

  compute() {
    this.run = runDesk(this.desk)
    this.drawTime()
    this.drawStep()
  }

  draw() {
    this.compute()
  }

  geometry() {
    const narrow = this.width < 560
    const width = this.width >= 900 ? this.width - 306 : this.width
    const left = narrow ? 42 : 92
    const right = narrow ? 4 : 64
    return { narrow, width, left, right, column: (width - left - right) / this.desk.inputs.length }
  }

  drawTime() {
    const g = this.geometry()
    const x = (t) => g.left + (t + 0.5) * g.column
    const rows = { shown: 44, cell: 122, input: 222, gates: 286, states: 384, end: 470 }
    const body = [this.unrolled(g, x, rows), this.gateLines(g, x, rows.gates), this.stateLines(g, x, rows.states)]
    const label = "The LSTM unit unrolled in time: the input below, the carrousel in the middle, what it shows above; the wires are as wide as the gates are open."
    this.timeDrawing.innerHTML = `<svg width="${g.width}" height="${rows.end}" viewBox="0 0 ${g.width} ${rows.end}" role="img" aria-label="${label}">${body.join("")}<g class="veil"></g></svg>`
    this.bars.style.cssText = `left:${g.left}px; top:${rows.input - 34}px; width:${g.column * this.desk.inputs.length}px; height:68px`
    this.desk.inputs.forEach((value, k) => {
      this.bars.children[k].setAttribute("aria-valuenow", value)
      this.bars.children[k].setAttribute("aria-valuetext", fixed(value))
    })
    this.placed = { g, x, rows }
    this.text.textContent = this.data.stories.find((s) => s.key === this.desk.key).text
  }

  /** Pale: how wide the gate could open. Solid: how wide it is. */
  gatedWire(x1, y1, x2, y2, color, open) {
    return line(x1, y1, x2, y2, `w-${color} pale`, 11) + line(x1, y1, x2, y2, `w-${color}`, (11 * open).toFixed(1))
  }

  unrolled(g, x, rows) {
    const r = Math.max(6, Math.min(17, g.column / 2 - 5))
    const made = []
    const label = (y, words, sign) => made.push(g.narrow ? text(0, y, sign, "it") : text(0, y, `<tspan class="f-soft">${words}</tspan> ${sign}`))
    label(rows.shown + 4, "shown", H_T)
    label(rows.cell + 4, "carrousel", C_T)
    label(rows.input + 4, "input", X_T)
    made.push(line(g.left, rows.shown, g.width - g.right, rows.shown, "w-hair", 1), line(g.left, rows.input, g.width - g.right, rows.input, "w-hair", 1))
    this.run.lstm.forEach((step, t) => {
      const from = t === 0 ? x(0) - g.column / 2 : x(t - 1) + r
      made.push(this.gatedWire(from, rows.cell, x(t) - r, rows.cell, "forget", step.forget[0]))
      made.push(this.gatedWire(x(t), rows.input - 38, x(t), rows.cell + r, "input", step.input[0]))
      made.push(this.gatedWire(x(t), rows.cell - r, x(t), rows.shown + 28, "output", step.output[0]))
      made.push(this.bar(x(t), rows.shown, 24 * step.hidden[0], g.column * 0.42, "f-output"))
      made.push(this.bar(x(t), rows.input, 34 * this.desk.inputs[t], g.column * 0.56, "f-ink bar-ink"))
      made.push(this.state(x(t), rows.cell, r, step.cell[0]))
      if (g.column > 15) made.push(text(x(t), 10, t + 1, "small f-soft", "middle"))
    })
    return made.join("")
  }

  bar(x, zero, height, width, cls) {
    const top = height > 0 ? zero - height : zero
    return `<rect x="${(x - width / 2).toFixed(1)}" y="${top.toFixed(1)}" width="${width.toFixed(1)}" height="${Math.abs(height).toFixed(1)}" class="${cls}" rx="1.5"/>`
  }

  state(x, y, r, value) {
    const strength = Math.min(1, Math.abs(value) / 1.6)
    const shade = circle(x, y, r, value >= 0 ? "f-cell" : "f-negative", `opacity="${(0.08 + 0.55 * strength).toFixed(2)}"`)
    return circle(x, y, r, "f-paper w-cell", 'stroke-width="1.5"') + shade + (r >= 13 ? text(x, y + 3.5, fixed(value), "c-number", "middle") : "")
  }

  gateLines(g, x, top) {
    const height = 66
    const y = (v) => top + height * (1 - v)
    const made = [[1, "1"], [0.5, "½"], [0, "0"]].flatMap(([v, name]) => [line(g.left, y(v), g.width - g.right, y(v), "w-hair", 1), text(g.left - 8, y(v) + 4, name, "small f-soft", "end")])
    if (!g.narrow) made.push(text(0, top + 4, "gates", "f-soft"))
    for (const [name, color] of [["input", "input"], ["forget", "forget"], ["output", "output"]])
      made.push(polyline(this.run.lstm.map((step, t) => [x(t), y(step[name][0])]), `w-${color}`))
    return made.join("") + `<g class="gate-ends"></g>`
  }

  /** What each unit shows (RNN, GRU, LSTM), and the carrousel, on one axis. */
  stateLines(g, x, top) {
    const height = 78
    const series = this.stateSeries()
    const most = Math.max(1, ...series.flatMap((s) => s.values.map(Math.abs)))
    const y = (v) => top + height / 2 - (v / most) * (height / 2)
    this.stateY = y
    const made = [most, 0, -most].flatMap((v) => [line(g.left, y(v), g.width - g.right, y(v), "w-hair", 1), text(g.left - 8, y(v) + 4, number(v, v === 0 ? 0 : 1), "small f-soft", "end")])
    if (!g.narrow) made.push(text(0, top + 18, "side by", "f-soft"), text(0, top + 34, "side", "f-soft"))
    for (const s of series) made.push(polyline(s.values.map((v, t) => [x(t), y(v)]), s.cls, s.width))
    return made.join("") + `<g class="state-ends"></g>`
  }

  stateSeries() {
    const of = (kind, name) => this.run[kind].map((step) => step[name][0])
    return [
      { name: "RNN", values: of("rnn", "hidden"), cls: "w-ink dotted", width: 2, color: "ink" },
      { name: "GRU", values: of("gru", "hidden"), cls: "w-ink dashed", width: 1.5, color: "ink" },
      { name: "LSTM c", values: of("lstm", "cell"), cls: "w-cell", width: 2.5, color: "cell" },
      { name: "LSTM h", values: of("lstm", "hidden"), cls: "w-output", width: 1.5, color: "output" },
    ]
  }

  /** Only the veil, the marks and the panels of one step: no redrawing of the whole time line. */
  drawStep() {
    const t = this.stepper.step
    const { g, x, rows } = this.placed
    const step = this.run.lstm[t]
    const from = x(t) + g.column / 2
    const veil = `<rect x="${from}" y="16" width="${Math.max(0, g.width - g.right - from)}" height="${rows.input - 56}" class="f-paper" opacity=".62"/><rect x="${from}" y="${rows.gates - 8}" width="${Math.max(0, g.width - g.right - from)}" height="${rows.end - rows.gates}" class="f-paper" opacity=".62"/>`
    const frame = `<rect x="${x(t) - g.column / 2 + 1}" y="16" width="${g.column - 2}" height="${rows.end - 18}" rx="4" class="frame"/>`
    const y = (v) => rows.gates + 66 * (1 - v)
    const dots = ["input", "forget", "output"].map((name) => circle(x(t), y(step[name][0]), 3.5, `f-${name}`)).join("")
    const ends = this.spread(["input", "forget", "output"].map((name) => ({ y: y(step[name][0]) + 4, words: `${name} ${fixed(step[name][0])}`, cls: `f-${name}` })), rows.gates + 4, rows.gates + 70)
    const states = this.stateSeries().map((s) => ({ y: this.stateY(s.values[t]) + 4, words: `${s.name} ${fixed(s.values[t])}`, cls: `f-${s.color}` }))
    const dots2 = this.stateSeries().map((s) => circle(x(t), this.stateY(s.values[t]), 3, `f-${s.color}`)).join("")
    const words = g.narrow ? "" : [...ends, ...this.spread(states, rows.states - 4, rows.end - 2)].map((e) => text(g.width - g.right + 6, e.y, e.words, `small ${e.cls}`)).join("")
    this.timeDrawing.querySelector(".veil").innerHTML = veil + dots + dots2 + words + frame
    this.drawDiagrams(t)
    this.drawNumbers(t)
    this.remember(packDesk(this.desk, t))
  }

  /** Labels that would lie on one another move apart, in their order. */
  spread(labels, top, bottom) {
    labels.sort((a, b) => a.y - b.y)
    for (let k = 1; k < labels.length; k++) labels[k].y = Math.max(labels[k].y, labels[k - 1].y + 13)
    let limit = bottom
    for (let k = labels.length - 1; k >= 0; k--) limit = Math.min(labels[k].y, limit) - 13, (labels[k].y = limit + 13)
    return labels
  }

  drawDiagrams(t) {
    const weights = deskWeights(this.desk)
    const on = this.desk.peepholes
    const [rnn, lstm, gru] = ["rnn", "lstm", "gru"].map((kind) => this.run[kind][t])
    const card = (title, say, svg) => `<figure><figcaption><h2>${title}</h2><span class="say">${say}</span></figcaption>${svg}</figure>`
    const drawn = weights.lstm.peephole ? weights.lstm : { ...weights.lstm, peephole: [[0], [0], [0]] }
    this.diagrams.innerHTML = [
      card("RNN unit", "its whole state passes tanh at every step", blockDiagram("rnn", rnnDiagram(rnn, weights.rnn), `RNN unit: shows ${fixed(rnn.hidden[0])}`)),
      card(on ? "LSTM with peepholes" : "LSTM", on ? "dashed: the cell looks at its gates" : "the state passes only through gates", blockDiagram("lstm", lstmDiagram(lstm, drawn, on), `LSTM: input gate ${fixed(lstm.input[0])}, forget gate ${fixed(lstm.forget[0])}, output gate ${fixed(lstm.output[0])}, cell ${fixed(lstm.cell[0])}, shows ${fixed(lstm.hidden[0])}`)),
      card("GRU", "what is kept and what is written add up to one", blockDiagram("gru", gruDiagram(gru), `GRU: update gate ${fixed(gru.update[0])}, reset gate ${fixed(gru.reset[0])}, shows ${fixed(gru.hidden[0])}`)),
    ].join("")
  }

  drawNumbers(t) {
    const s = this.run.lstm[t]
    const term = (sign, v, color) => `<span class="term"><i class="c-${color}">${sign}</i><b>${v}</b></span>`
    const is = (sign) => `<span class="term op"><i>${sign}</i><b>${sign}</b></span>`
    this.equation.innerHTML =
      `<h2>The step in numbers</h2><div class="formula">${term("c<sub>t</sub>", fixed(s.cell[0]), "cell")}${is("=")}${term("φ", fixed(s.forget[0]), "forget")}${is("·")}${term("c<sub>t−1</sub>", fixed(s.cellBefore[0]), "cell")}${is("+")}${term("ι", fixed(s.input[0]), "input")}${is("·")}${term("g", fixed(s.candidate[0]), "ink")}</div>` +
      `<div class="formula">${term("h<sub>t</sub>", fixed(s.hidden[0]), "output")}${is("=")}${term("ω", fixed(s.output[0]), "output")}${is("·")}${term("tanh c<sub>t</sub>", fixed(Math.tanh(s.cell[0])), "cell")}</div>`
    this.sums.innerHTML = this.sumsTable(s)
    this.note.innerHTML = this.sentences(t).map((words, k) => `<p class="${k === 0 ? "at" : ""}">${words}</p>`).join("")
  }

  /** What arrives at every gate, term by term. */
  sumsTable(s) {
    const { w, u, b, p } = this.desk.lstm
    const look = this.desk.peepholes ? [p[0] * s.cellBefore[0], p[1] * s.cellBefore[0], null, p[2] * s.cell[0]] : [null, null, null, null]
    const gates = [["ι", 0, s.input], ["φ", 1, s.forget], ["c", 2, s.candidate], ["ω", 3, s.output]]
    const rows = gates.map(([name, k, opened]) => {
      const sum = w[k] * s.x[0] + u[k] * s.before[0] + b[k] + (look[k] ?? 0)
      const color = GATE_NAMES[k]
      return `<tr><th scope="row"><i class="c-${color}">${name}</i></th><td>${fixed(w[k] * s.x[0])}</td><td>${fixed(u[k] * s.before[0])}</td><td>${look[k] === null ? "–" : fixed(look[k])}</td><td>${fixed(b[k])}</td><td>${fixed(sum)}</td><td class="c-${color}"><b>${fixed(opened[0])}</b></td></tr>`
    })
    return `<table><caption class="sr">What arrives at each gate at this step</caption><thead><tr><th scope="col">gate</th><th scope="col"><i>w x</i></th><th scope="col"><i>u h</i></th><th scope="col">peephole</th><th scope="col">bias</th><th scope="col">sum</th><th scope="col">opens to</th></tr></thead><tbody>${rows.join("")}</tbody></table>`
  }

  sentences(t) {
    const s = this.run.lstm[t]
    const wrote = this.run.lstm.map((step) => Math.abs(step.input[0] * step.candidate[0]))
    const most = wrote.slice(0, t + 1).reduce((best, v, k) => (v > wrote[best] ? k : best), 0)
    const left = this.run.lstm.slice(most + 1, t + 1).reduce((product, step) => product * step.forget[0], 1)
    const held = most === t ? `This step wrote the most so far.` : `Of what was written at step ${most + 1}, <b>${percent(left)}</b> is left.`
    return [
      `Step ${t + 1} of ${this.run.lstm.length}`,
      `The input gate, <b>${percent(s.input[0])}</b> open, let in <b>${signed(s.input[0] * s.candidate[0])}</b>.`,
      `The carrousel kept <b>${percent(s.forget[0])}</b> of ${fixed(s.cellBefore[0])} and holds <b>${fixed(s.cell[0])}</b>.`,
      wrote[most] < 0.01 ? "Nothing has been written yet." : held,
    ]
  }
}

export default mounted(LiveCell)
