// Gradient flow back through time: three networks, one figure on a logarithmic axis, and the carrousel's constant line.

const FLOORS = -12 // the lowest decade drawn
const NETWORKS = [
  { kind: "rnn", name: "RNN", cls: "w-ink dotted", color: "ink", width: 2.4 },
  { kind: "gru", name: "GRU", cls: "w-forget", color: "forget", width: 2 },
  { kind: "lstm", name: "LSTM", cls: "w-cell", color: "cell", width: 2.6 },
]

/** The networks as the sliders have them: recurrent weights scaled, the remembering gate's bias set. */
function flowWeights(networks, settings) {
  const scaled = (weights, by) => ({ ...weights, recurrent: weights.recurrent.map((row) => row.map((v) => v * by)) })
  const biased = (weights, from, value) => ({ ...weights, bias: weights.bias.map((b, k) => (k >= from && k < from + weights.units ? value : b)) })
  return {
    rnn: scaled(networks.rnn, settings.scale),
    lstm: biased(scaled(networks.lstm, settings.scale), networks.lstm.units, settings.forget),
    gru: biased(scaled(networks.gru, settings.scale), 0, settings.update),
  }
}

class GradientFlow {
  constructor(root) {
    this.node = root
    this.remember = rememberInAddress("flow")
    this.settings = { steps: 60, scale: 1, forget: 3, update: 3, back: 30 }
    const kept = (fromAddress("flow") || "").split("~").map(Number)
    if (kept.length === 5 && kept.every(Number.isFinite)) {
      const bounds = [[10, 200], [0.2, 2], [-2, 8], [-2, 8], [0, 199]]
      Object.keys(this.settings).forEach((name, k) => (this.settings[name] = Math.max(bounds[k][0], Math.min(bounds[k][1], kept[k]))))
    }
  }

  update(data) {
    this.data = data
    const set = (name) => (value) => {
      this.settings[name] = value
      this.compute()
    }
    this.stepper = new Stepper("steps back from the end", (step) => ((this.settings.back = step), this.drawStep()), 90)
    this.drawing = element("div", { class: "flow-drawing" })
    this.note = element("div", { class: "note", "aria-live": "polite" })
    const s = this.settings
    this.node.replaceChildren(
      element("div", { class: "flow-stage" },
        element("div", { class: "left" }, this.drawing, this.stepper.element, downloadButton(() => this.drawing.querySelector("svg"), "gradient-flow")),
        element("div", { class: "right" }, this.note,
          element("div", { class: "desk" },
            slider({ label: "length <i>T</i>", min: 10, max: 200, step: 1, value: s.steps, show: (v) => `${v}`, className: "plain", onInput: set("steps") }),
            slider({ label: "recurrent weights", min: 0.2, max: 2, step: 0.05, value: s.scale, show: (v) => `× ${v.toFixed(2)}`, className: "plain", onInput: set("scale") }),
            slider({ label: "LSTM forget bias", min: -2, max: 8, step: 0.1, value: s.forget, show: signed, className: "cell", onInput: set("forget") }),
            slider({ label: "GRU update bias", min: -2, max: 8, step: 0.1, value: s.update, show: signed, className: "forget", onInput: set("update") }),
          ))))
    this.stepper.resize(this.settings.steps, this.settings.back)
  }

  draw() {
    this.compute()
  }

  compute() {
    const inputs = this.data.inputs.slice(0, this.settings.steps)
    const weights = flowWeights(this.data.networks, this.settings)
    this.flow = Object.fromEntries(NETWORKS.map(({ kind }) => [kind, gradientFlow(kind, weights[kind], inputs)]))
    this.flow.cec = inputs.map(() => 1)
    this.stepper.resize(this.settings.steps, this.stepper.step)
    this.drawFlow()
    this.drawStep()
  }

  drawFlow() {
    const narrow = this.width < 560
    const width = this.width >= 900 ? this.width - 316 : this.width
    const [left, right, top, height] = [narrow ? 38 : 56, narrow ? 8 : 92, 26, 300]
    const T = this.settings.steps
    const values = Object.values(this.flow).flat().filter((v) => v > 0)
    const floor = Math.max(FLOORS, Math.min(-3, Math.floor(Math.log10(Math.min(...values)))))
    const ceiling = Math.max(1, Math.min(9, Math.ceil(Math.log10(Math.max(...values)))))
    const x = (t) => left + (t / Math.max(1, T - 1)) * (width - left - right)
    const y = (v) => top + (height * (ceiling - Math.max(floor, Math.min(ceiling, Math.log10(Math.max(v, 1e-300)))))) / (ceiling - floor)
    this.placed = { x, y, left, right, top, height, width, floor, narrow }
    const made = []
    const every = Math.ceil((ceiling - floor) / 8)
    for (let d = ceiling; d >= floor; d--) {
      if ((ceiling - d) % every && d !== 0) continue
      made.push(line(left, y(10 ** d), width - right, y(10 ** d), d === 0 ? "w-soft" : "w-hair", 1))
      made.push(text(left - 8, y(10 ** d) + 4, d === 0 ? "1" : `10${[..."" + d].map((c) => SUPERSCRIPT[c]).join("")}`, "small f-soft", "end"))
    }
    if (floor < -7) {
      made.push(`<rect x="${left}" y="${y(1.2e-7)}" width="${width - left - right}" height="${top + height - y(1.2e-7)}" class="f-wash"/>`)
      made.push(text(left + 8, y(1.2e-7) + 15, "below what float32 can add to one", "small f-soft"))
    }
    made.push(line(left, y(1), width - right, y(1), "w-cell dashed", 1.6))
    for (const n of NETWORKS) made.push(polyline(this.flow[n.kind].map((v, t) => [x(t), y(v)]), n.cls, n.width))
    made.push(this.strips(x, top + height + 40, width, left, right, narrow))
    made.push(text(left, top + height + 18, "step 1", "small f-soft"), text(width - right, top + height + 18, `${narrow ? "" : "the error is fed in here: "}step ${T}`, "small f-soft", "end"))
    made.push(text(narrow ? 0 : left - 44, 12, narrow ? "‖∂ state at T / ∂ state at t‖, logarithmic" : "how much of a nudge to the state at step t is still felt at step T (logarithmic)", "f-soft"))
    const total = top + height + 40 + 4 * 20 + 6
    this.drawing.innerHTML = `<svg width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" role="img" aria-label="Gradient norms back through time on a logarithmic axis: RNN, GRU, LSTM, and the carrousel's constant line at one.">${made.join("")}<g class="cursor"></g></svg>`
  }

  /** Graves' picture (2012, fig. 4.1 and 4.4): the darker a step, the more of it is felt at the end. */
  strips(x, top, width, left, right, narrow) {
    const T = this.settings.steps
    const cell = (width - left - right) / T
    return [...NETWORKS, { kind: "cec", name: "CEC", color: "cell" }]
      .map((n, row) => {
        const y = top + row * 20
        const boxes = this.flow[n.kind].map((v, t) => `<rect x="${(left + t * cell).toFixed(1)}" y="${y}" width="${Math.max(0.8, cell - (cell > 4 ? 1 : 0)).toFixed(1)}" height="14" class="f-${n.color}" opacity="${Math.min(1, v).toFixed(3)}"/>`)
        return boxes.join("") + `<rect x="${left}" y="${y}" width="${width - left - right}" height="14" class="w-hair" fill="none" stroke-width="1"/>` + text(narrow ? 0 : left - 8, y + 11, n.name, "small f-soft", narrow ? "start" : "end")
      })
      .join("")
  }

  drawStep() {
    const T = this.settings.steps
    const t = T - 1 - this.stepper.step
    const { x, y, left, right, top, height, width, narrow } = this.placed
    const marks = NETWORKS.map((n) => circle(x(t), y(this.flow[n.kind][t]), 4, `f-${n.color}`))
    const veil = `<rect x="${left}" y="${top - 2}" width="${Math.max(0, x(t) - left)}" height="${height + 4}" class="f-paper" opacity=".55"/>`
    // The labels stand beside the lines' left ends' values, ordered so that none lies on another.
    const labels = [...NETWORKS.map((n) => ({ y: y(this.flow[n.kind][t]), words: `${n.name} ${number(this.flow[n.kind][t])}`, color: n.color })), { y: y(1), words: "CEC 1", color: "cell" }]
    labels.sort((a, b) => a.y - b.y)
    for (let k = 1; k < labels.length; k++) labels[k].y = Math.max(labels[k].y, labels[k - 1].y + 14)
    const words = narrow ? "" : labels.map((l) => text(width - right + 8, l.y + 4, l.words, `small f-${l.color}`)).join("")
    this.drawing.querySelector(".cursor").innerHTML = veil + line(x(t), top, x(t), top + height + 40 + 76, "w-ink", 1.2) + marks.join("") + words
    this.note.innerHTML = this.sentences(t).map((words, k) => `<p class="${k === 0 ? "at" : ""}">${words}</p>`).join("")
    this.remember(Object.values({ ...this.settings, back: this.stepper.step }).join("~"))
  }

  sentences(t) {
    const back = this.settings.steps - 1 - t
    const felt = (kind) => number(this.flow[kind][t])
    const rnn = this.flow.rnn[t]
    const verdict = back === 0 ? "All lines start at one: the state at the end is the state at the end." : rnn < 1e-7 ? "To the RNN this step might as well not exist: no learning rate repairs that." : rnn > 10 ? "The RNN's gradient explodes: tiny causes, wild corrections." : "Go further back, or change the recurrent weights."
    return [
      `${back} ${back === 1 ? "step" : "steps"} before the end (t = ${t + 1})`,
      `Of one unit of change, the RNN's end feels <b>${felt("rnn")}</b>, the GRU's <b>${felt("gru")}</b>, the LSTM's <b>${felt("lstm")}</b>.`,
      `The carrousel alone, gates cut and <i>φ</i> = 1, would feel <b>1</b>.`,
      verdict,
    ]
  }
}

export default mounted(GradientFlow)
