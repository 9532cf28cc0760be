// From the LSTM to the GRU in four changes, with the numbers of both beside each other.

class Coupling {
  constructor(root) {
    this.node = root
    this.stage = 0
  }

  update(data) {
    const first = !this.stepper
    if (first) this.build()
    this.stepper.resize(data.inputs.length, first ? data.inputs.length - 1 : this.stepper.step)
  }

  build() {
    this.changes = element("div", { class: "changes", role: "radiogroup", "aria-label": "changes made to the LSTM" })
    this.stepper = new Stepper("time", () => this.drawStep(), 500)
    this.diagram = element("div", { class: "coupling-diagram" })
    this.lines = element("div", { class: "coupling-lines" })
    this.numbers = element("div", { class: "coupling-numbers", "aria-live": "polite" })
    this.node.replaceChildren(
      element("div", { class: "coupling-stage" },
        this.changes,
        this.diagram,
        element("div", { class: "left" }, this.lines, this.stepper.element, this.numbers, downloadButton(() => this.lines.querySelector("svg"), "gru-from-lstm"))))
    this.changes.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
      if (!move) return
      event.preventDefault()
      this.choose(Math.max(0, Math.min(this.data.stages.length - 1, this.stage + move)))
      this.changes.children[this.stage].focus()
    })
  }

  choose(stage) {
    this.stage = stage
    this.draw()
  }

  draw() {
    const buttons = this.data.stages.map((stage, k) => {
      const button = element("button", { type: "button", role: "radio", "aria-checked": String(k === this.stage), tabindex: k === this.stage ? 0 : -1, class: k <= this.stage ? "made" : "", onclick: () => this.choose(k) })
      // The formulas are ours, from the page's own module.
      button.innerHTML = `<b>${stage.title}</b><span class="formula-line">${stage.formula}</span>`
      return button
    })
    const focused = this.changes.contains(this.node.getRootNode().activeElement)
    this.changes.replaceChildren(...buttons)
    if (focused) buttons[this.stage].focus()
    this.diagram.innerHTML = `<svg viewBox="0 0 370 404" role="img" aria-label="Block diagram after the change: ${escapeText(this.data.stages[this.stage].title)}">${couplingDiagram(this.stage)}</svg>`
    this.drawLines()
    this.drawStep()
  }

  drawLines() {
    const narrow = this.width < 560
    const width = this.width >= 1000 ? this.width - 560 : this.width >= 700 ? this.width - 250 : this.width
    const [left, right, top, height] = [34, 8, 22, 170]
    const T = this.data.inputs.length
    const x = (t) => left + ((t + 0.5) * (width - left - right)) / T
    const values = this.data.stages[this.stage].hidden
    const most = Math.max(1, ...values.flat().map(Math.abs))
    const y = (v) => top + height / 2 - (v / most) * (height / 2)
    const made = [text(0, 12, `${narrow ? "" : "what the units show: "}<tspan class="f-cell">solid: the changed LSTM</tspan>, dashed: GRU`, "f-soft")]
    for (const v of [most, 0, -most]) made.push(line(left, y(v), width - right, y(v), "w-hair", 1), text(left - 6, y(v) + 4, number(v, v ? 1 : 0), "small f-soft", "end"))
    const units = values[0].map((_, u) => u)
    for (const u of units) made.push(polyline(values.map((row, t) => [x(t), y(row[u])]), "w-cell", 3))
    for (const u of units) made.push(polyline(this.data.gru.map((row, t) => [x(t), y(row[u])]), "w-ink dashed", 1.4))
    const base = top + height + 42
    const decades = 8
    const dy = (d) => base + 74 * (1 - Math.max(0, Math.min(1, (Math.log10(Math.max(d, 1e-12)) + decades) / decades)))
    made.push(text(0, base - 6, "largest difference (logarithmic)", "f-soft"))
    for (const d of [1, 1e-4, 1e-8]) made.push(line(left, dy(d), width - right, dy(d), "w-hair", 1), text(left - 6, dy(d) + 4, d === 1 ? "1" : `10${d === 1e-4 ? "⁻⁴" : "⁻⁸"}`, "small f-soft", "end"))
    this.differences().forEach((d, t) => {
      const w = ((width - left - right) / T) * 0.6
      const h = Math.max(d > 0 ? 1 : 0, dy(1e-8) - dy(d))
      made.push(`<rect x="${(x(t) - w / 2).toFixed(1)}" y="${(dy(1e-8) - h).toFixed(1)}" width="${w.toFixed(1)}" height="${h.toFixed(1)}" class="f-accent" opacity=".75"/>`)
    })
    const total = base + 84
    this.placed = { x, top, base, width }
    this.lines.innerHTML = `<svg width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" role="img" aria-label="Outputs of the changed LSTM and of the GRU over time, and their largest difference at each step">${made.join("")}<g class="cursor"></g></svg>`
  }

  differences() {
    return this.data.stages[this.stage].hidden.map((row, t) => Math.max(...row.map((v, u) => Math.abs(v - this.data.gru[t][u]))))
  }

  drawStep() {
    const t = this.stepper.step
    const { x, top, base } = this.placed
    this.lines.querySelector(".cursor").innerHTML = line(x(t), top, x(t), base + 74, "w-ink", 1)
    const ours = this.data.stages[this.stage].hidden[t]
    const head_ = ours.map((_, u) => `<th scope="col">unit ${u + 1}</th>`).join("")
    const row = (name, values, cls) => `<tr><th scope="row">${name}</th>${values.map((v) => `<td class="${cls}">${v.toFixed(6).replace("-", MINUS)}</td>`).join("")}</tr>`
    const most = Math.max(...this.differences())
    const verdict = most < 5e-6 ? `Equal: over all steps and units the largest difference is <b>${number(most)}</b>, the rounding of float32.` : `Not yet a GRU: the largest difference over all steps is <b>${number(most)}</b>.`
    this.numbers.innerHTML = `<table><thead><tr><th scope="col">step ${t + 1}</th>${head_}</tr></thead><tbody>${row(escapeText(this.data.stages[this.stage].name), ours, "c-cell")}${row("GRU", this.data.gru[t], "")}</tbody></table><p>${verdict}</p>`
  }
}

/** The LSTM's block with the first `stage` changes made: gates coupled, output open, state shown as it is, reset gate. */
function couplingDiagram(stage) {
  const outside = (x1, y1, x2, y2, x, y) => arrow(x1, y1, x2, y2, "w-soft") + text(x, y, "x h", "small f-faint")
  const keep = stage === 4 ? "z" : "φ"
  const made = [
    text(150, 396, X_T, "", "middle"), arrow(150, 376, 150, 339, "w-ink"), gateNode(150, 318, "g", "cell"),
    arrow(150, 298, 150, 258, "w-ink"), arrow(150, 237, 150, 204, "w-ink"), times(150, 247),
    path("M174,156 C198,116 247,118 247,162", "w-cell", 2), head(247, 164, Math.PI / 2, "w-cell"), arrow(237, 174, 181, 174, "w-cell", 2), times(247, 174),
    text(236, 118, stage >= 3 ? H_BEFORE : C_BEFORE, "small"),
    circle(150, 174, 29, "f-paper w-cell", 'stroke-width="2.5"'), text(146, 179, stage >= 3 ? sub("h", "t") : sub("c", "t"), "f-cell", "middle"),
    arrow(300, 174, 258, 174, "w-forget", 2.5), gateNode(320, 174, keep, "forget"), outside(362, 174, 342, 174, 348, 165),
    text(158, 22, H_T, ""),
  ]
  if (stage === 0) made.push(arrow(72, 247, 138, 247, "w-input", 2.5), gateNode(52, 247, "ι", "input"), outside(8, 247, 30, 247, 6, 238))
  else {
    const cls = stage === 1 ? 3 : 1.5
    made.push(path("M320,194 V247 H262", "w-forget", cls), head(257, 247, Math.PI, "w-forget"), arrow(236, 247, 162, 247, "w-input", 2.5), circle(246, 247, 11, "f-paper w-input", 'stroke-width="1.5"'), text(246, 251, "1−", "small f-input", "middle"))
  }
  if (stage < 2) made.push(arrow(72, 51, 138, 51, "w-output", 2.5), gateNode(52, 51, "ω", "output"), outside(8, 51, 30, 51, 6, 42))
  if (stage === 2) made.push(arrow(72, 51, 138, 51, "w-output", 5), text(52, 56, "1", "val f-output", "middle"), text(52, 76, "held open", "small f-soft", "middle"))
  if (stage < 3) made.push(line(150, 145, 150, 118, "w-ink"), gateNode(150, 102, "h", "cell", 16), text(172, 107, "tanh", "small f-soft"), arrow(150, 86, 150, 62, "w-ink"), times(150, 51), arrow(150, 41, 150, 14, "w-ink"))
  else made.push(arrow(150, 145, 150, 14, "w-ink"))
  if (stage < 4) made.push(text(66, 352, `${H_BEFORE}`, "small"), path("M90,344 C112,338 120,330 127,325", "w-soft"), head(131, 323, -0.4, "w-soft"))
  else made.push(path("M124,187 C92,214 86,250 86,302", "w-soft dashed"), head(86, 307, Math.PI / 2, "w-soft"), text(66, 222, H_BEFORE, "small", "end"), arrow(46, 318, 75, 318, "w-output", 2.5), gateNode(26, 318, "r", "output"), arrow(97, 318, 129, 318, "w-ink"), times(86, 318), arrow(26, 362, 26, 340, "w-soft"), text(16, 375, "x h", "small f-faint"))
  return made.join("")
}

export default mounted(Coupling)
