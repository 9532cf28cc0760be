// A training as it runs: loss, right answers, and one sequence with what the cells hold.

const LEARNERS = {
  rnn: { cls: "w-ink dotted", color: "ink" },
  gru: { cls: "w-forget", color: "forget" },
  lstm: { cls: "w-cell", color: "cell" },
  peephole: { cls: "w-input", color: "input" },
}

class Training {
  constructor(root) {
    this.node = root
    this.looked = null
  }

  update(data) {
    if (!this.built) this.build()
    const keys = data.units.map((u) => u.key)
    // Open the cell that is worth opening, unless the visitor chose.
    if (!keys.includes(this.looked)) this.looked = ["lstm", "peephole", "gru", "rnn"].find((k) => keys.includes(k))
    const names = keys.join()
    if (names !== this.names) {
      this.names = names
      const group = choices("look inside", data.units.map((u) => [u.key, u.name]), this.looked, (key) => ((this.looked = key), this.drawExample()))
      group.classList.add("small")
      this.lookers.replaceChildren(element("h2", {}, "Inside"), group)
    }
  }

  build() {
    this.built = true
    this.curves = element("div", { class: "curves" })
    this.table = element("div", { class: "outcome" })
    this.lookers = element("div", { class: "lookers" })
    this.example = element("div", { class: "example" })
    this.status = element("p", { class: "say", role: "status" })
    this.node.replaceChildren(
      this.status,
      element("div", { class: "train-stage" }, this.curves, this.table),
      this.lookers,
      this.example,
      element("div", { class: "jumps" }, downloadButton(() => this.curves.querySelector("svg"), "training-curves"), downloadButton(() => this.example.querySelector("svg"), "inside-the-cells")),
    )
  }

  draw() {
    const d = this.data
    const word = d.running ? `Training: update ${d.updates} of ${d.total}.` : `${d.updates} updates of each network in ${d.seconds.toFixed(1)} seconds.`
    if (this.status.textContent !== word) this.status.textContent = word
    this.drawCurves()
    this.drawTable()
    this.drawExample()
  }

  drawCurves() {
    const wide = this.width >= 900
    const width = wide ? this.width - 300 : this.width
    const both = width >= 560
    const each = both ? (width - 40) / 2 : width
    const height = 190
    const a = this.chart(0, 0, each, height, "loss (logarithmic)", "loss")
    const b = this.chart(both ? each + 40 : 0, both ? 0 : height + 50, each, height, `right of ${this.data.tested} new sequences`, "success")
    const total = both ? height + 44 : 2 * height + 94
    this.curves.innerHTML = `<svg width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" role="img" aria-label="Training curves: loss and share of right answers of each network">${a}${b}</svg>`
  }

  chart(dx, dy, width, height, title, kind) {
    const d = this.data
    const [left, top] = [dx + 40, dy + 24]
    const w = width - 48
    const x = (n) => left + (n / d.total) * w
    const made = [text(dx, dy + 12, title, "f-soft")]
    let y
    if (kind === "success") {
      y = (v) => top + height * (1 - v)
      for (const v of [0, 0.5, 1]) made.push(line(left, y(v), left + w, y(v), "w-hair", 1), text(left - 8, y(v) + 4, percent(v), "small f-soft", "end"))
    } else {
      const all = d.units.flatMap((u) => u.losses).filter((v) => v > 0)
      const low = Math.floor(Math.log10(Math.max(1e-6, Math.min(0.1, ...all))))
      const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(0.1, ...all))))
      y = (v) => top + (height * (high - Math.max(low, Math.min(high, Math.log10(Math.max(v, 1e-9)))))) / (high - low)
      for (let e = low; e <= high; e++) made.push(line(left, y(10 ** e), left + w, y(10 ** e), "w-hair", 1), text(left - 8, y(10 ** e) + 4, e === 0 ? "1" : `10${[..."" + e].map((c) => SUPERSCRIPT[c]).join("")}`, "small f-soft", "end"))
    }
    for (const u of d.units) {
      const points = kind === "success" ? u.success.map((v, k) => [x(d.checked_at[k]), y(v)]) : u.losses.map((v, k) => [x((k + 1) * d.every), y(v)])
      if (!points.length) continue
      made.push(polyline(points, LEARNERS[u.key].cls, 2))
      const [px, py] = points[points.length - 1]
      made.push(circle(px.toFixed(1), py.toFixed(1), 3, `f-${LEARNERS[u.key].color}`))
    }
    made.push(text(left, top + height + 16, "0", "small f-soft"), text(left + w, top + height + 16, `${d.total} updates`, "small f-soft", "end"))
    return made.join("")
  }

  drawTable() {
    const rows = this.data.units.map((u) => {
      const { cls, color } = LEARNERS[u.key]
      const key = `<svg width="26" height="10" aria-hidden="true">${line(0, 5, 26, 5, cls, 2.5)}</svg>`
      const now = u.success.length ? percent(u.success[u.success.length - 1]) : "–"
      return `<tr><th scope="row"><span class="key">${key}<span class="c-${color}">${u.name}</span></span></th><td><b>${now}</b></td><td>${u.losses.length ? number(u.losses[u.losses.length - 1], 3) : "–"}</td><td>${u.weights}</td></tr>`
    })
    this.table.innerHTML = `<table><thead><tr><th scope="col">network</th><th scope="col">right</th><th scope="col">loss</th><th scope="col">weights</th></tr></thead><tbody>${rows.join("")}</tbody></table><p class="say">${escapeText(this.data.tested_how)}</p>`
  }

  drawExample() {
    const e = this.data.example
    const T = e.inputs.length
    const narrow = this.width < 560
    const [left, right] = [narrow ? 48 : 92, 8]
    const column = (this.width - left - right) / T
    const x = (t) => left + (t + 0.5) * column
    const rows = { input: 30, answer: 78, cells: 196, end: 312 }
    const made = [this.exampleInputs(e, x, rows.input, column, left, narrow), this.exampleAnswers(e, x, rows.answer, left, right, narrow), this.exampleCells(e, x, rows.cells, left, right, narrow)]
    this.example.innerHTML = `<svg width="${this.width}" height="${rows.end}" viewBox="0 0 ${this.width} ${rows.end}" role="img" aria-label="One test sequence: its input, what was asked and answered, and the states of the chosen network over time">${made.join("")}</svg>`
  }

  exampleInputs(e, x, zero, column, left, narrow) {
    const made = [text(0, zero + 4, "input", "f-soft"), line(left, zero, this.width - 8, zero, "w-hair", 1)]
    const colors = ["f-ink", "f-accent"]
    const many = e.inputs[0].length
    e.inputs.forEach((values, t) =>
      values.forEach((v, k) => {
        if (!v || k > 1) return
        const width = Math.max(1.5, (column * 0.7) / Math.min(2, many))
        const at = x(t) + (Math.min(2, many) === 2 ? (k - 0.5) * width : 0)
        const height = 20 * Math.min(1.2, Math.abs(v))
        made.push(`<rect x="${(at - width / 2).toFixed(1)}" y="${(v > 0 ? zero - height : zero).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" class="${colors[k]}" opacity=".8"/>`)
      }))
    return made.join("")
  }

  exampleAnswers(e, x, top, left, right, narrow) {
    const height = 84
    const y = (v) => top + height * (1 - Math.max(-0.1, Math.min(1.1, v)))
    const made = [text(0, top + 12, "answers", "f-soft")]
    if (!narrow) made.push(text(0, top + 28, "○ asked for", "small f-soft"))
    for (const v of [0, 1]) made.push(line(left, y(v), this.width - right, y(v), "w-hair", 1), text(left - 8, y(v) + 4, v, "small f-soft", "end"))
    for (const u of this.data.units) {
      const chosen = u.key === this.looked
      made.push(`<g opacity="${chosen ? 1 : 0.45}">${polyline(e.answers[u.key].map((v, t) => [x(t), y(v)]), LEARNERS[u.key].cls, chosen ? 2.4 : 1.3)}</g>`)
    }
    e.targets.forEach((v, t) => e.weights[t] && made.push(circle(x(t).toFixed(1), y(v).toFixed(1), 4, "f-paper w-ink", 'stroke-width="1.6"')))
    return made.join("")
  }

  exampleCells(e, x, top, left, right, narrow) {
    const height = 100
    const states = e.states[this.looked]
    const most = Math.max(1, ...states.flat().map(Math.abs))
    const y = (v) => top + height / 2 - (v / most) * (height / 2)
    const { color } = LEARNERS[this.looked]
    const what = this.looked === "rnn" || this.looked === "gru" ? "states h" : "cells c"
    const made = [text(0, top + 12, what, "f-soft")]
    for (const v of [most, 0, -most]) made.push(line(left, y(v), this.width - right, y(v), "w-hair", 1), text(left - 8, y(v) + 4, number(v, v ? 1 : 0), "small f-soft", "end"))
    for (let unit = 0; unit < states[0].length; unit++) made.push(polyline(states.map((row, t) => [x(t), y(row[unit])]), `w-${color}`, 1.6))
    return made.join("")
  }
}

export default mounted(Training)
