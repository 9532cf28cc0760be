// B-diagrams, stepped node by node: values forward into the right halves, derivatives back through the left halves.

const RADIUS = 30
const ACROSS = 132
const DOWN = 112

class BDiagram {
  constructor(root) {
    this.node = root
    this.remember = rememberInAddress("at")
  }

  update(data) {
    const first = !this.nodes
    this.nodes = data.nodes
    // Inputs and constants are there from the start; the rest is computed one by one, then run through in reverse.
    this.inner = data.nodes.map((_, k) => k).filter((k) => data.nodes[k].edges.length)
    const count = 2 * this.inner.length + 2
    if (first) this.build()
    const same = this.title === data.title
    this.title = data.title
    // New values keep the step; a new expression opens with its picture complete.
    this.stepper.resize(count, first && fromAddress("at") !== null ? Number(fromAddress("at")) || 0 : same ? this.stepper.step : count - 1)
  }

  build() {
    this.stepper = new Stepper("forward, then backward", () => this.drawStep(true), 900)
    this.drawing = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "the diagram; scrolls sideways when it is wide" })
    this.note = element("div", { class: "note", "aria-live": "polite" })
    this.results = element("div", { class: "results" })
    const jump = (words, step) => element("button", { type: "button", class: "quiet", onclick: () => this.stepper.go(step()) }, words)
    this.node.replaceChildren(
      element("div", { class: "b-stage" },
        element("div", { class: "left" }, this.drawing, this.stepper.element,
          element("div", { class: "jumps" }, jump("start", () => 0), jump("end of the forward pass", () => this.inner.length), jump("end", () => this.stepper.count - 1), downloadButton(() => this.drawing.querySelector("svg"), "b-diagram"))),
        element("div", { class: "right" }, this.note, this.results)))
  }

  draw() {
    this.place()
    this.drawStep(false)
  }

  place() {
    const rows = Math.max(...this.nodes.map((n) => n.at[1]), ...this.nodes.flatMap((n) => n.edges.flatMap((e) => e.bends.map((b) => b[1]))))
    const layers = Math.max(...this.nodes.map((n) => n.at[0]))
    const side = this.width >= 900 ? 300 : 0
    // Where many weighted edges leave the inputs, their numbers need room.
    const extra = this.nodes.some((n) => n.edges.some((e) => e.weight_name)) ? 0.7 : 0
    const room = this.width - side - 2 * RADIUS - 44
    // Wide diagrams first move closer together, then scroll; small ones do not spread over the whole page.
    this.across = Math.max(92, Math.min(ACROSS + 30, room / Math.max(1, layers + extra)))
    this.x = (layer) => 44 + (layer + Math.min(1, layer) * extra) * this.across
    this.crowded = this.nodes.reduce((sum, n) => sum + n.edges.length, 0) > 14
    this.y = (row) => 56 + row * DOWN
    this.size = [this.x(layers) + 44, this.y(rows) + 74]
  }

  /** Where step s stands: how many inner nodes are computed, how many have sent back, and which one is at work. */
  phase(step) {
    const n = this.inner.length
    if (step <= n) return { forward: step, fed: false, back: 0, now: step ? this.inner[step - 1] : -1 }
    const back = step - n - 1
    return { forward: n, fed: true, back, now: back ? this.inner[n - back] : this.nodes.length - 1 }
  }

  drawStep(follow) {
    const phase = this.phase(this.stepper.step)
    this.computed = new Set(this.nodes.map((_, k) => k).filter((k) => !this.nodes[k].edges.length).concat(this.inner.slice(0, phase.forward)))
    this.sent = new Set(this.inner.slice(this.inner.length - phase.back))
    const edges = this.nodes.flatMap((node, k) => node.edges.map((edge, slot) => this.edge(k, slot, phase)))
    const circles = this.nodes.map((_, k) => this.circle(k, phase))
    const label = `B-diagram of ${this.title}, ${phase.fed ? "going backward" : "going forward"}.`
    const [w, h] = this.size
    const left = this.drawing.scrollLeft
    this.drawing.innerHTML = `<svg width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" aria-label="${escapeText(label)}" style="max-width:none">${edges.map((e) => e.wire).join("")}${circles.join("")}${edges.map((e) => e.words).join("")}</svg>`
    this.drawing.scrollLeft = left
    if (follow && phase.now >= 0) this.follow(phase.now)
    this.note.innerHTML = this.sentences(phase).map((words, k) => `<p class="${k === 0 ? "at" : ""}">${words}</p>`).join("")
    this.results.innerHTML = this.resultTable(phase)
    this.remember(this.stepper.step === this.stepper.count - 1 ? null : String(this.stepper.step))
  }

  follow(k) {
    const x = this.x(this.nodes[k].at[0])
    const room = this.drawing.clientWidth
    if (this.size[0] > room) this.drawing.scrollTo({ left: x - room / 2, behavior: "instant" })
  }

  points(k, slot) {
    const node = this.nodes[k]
    const edge = node.edges[slot]
    const place = ([layer, row]) => [this.x(layer), this.y(row)]
    const from = place(this.nodes[edge.from].at)
    const to = place(node.at)
    const bends = edge.bends.map(place)
    const toward = bends[0] || to
    const last = bends[bends.length - 1] || from
    const rim = ([x, y], [px, py], r) => {
      const d = Math.hypot(px - x, py - y) || 1
      return [x + ((px - x) / d) * r, y + ((py - y) / d) * r]
    }
    // Two arrows between the same nodes (x·x) would lie on one another: let them arrive apart.
    const twins = node.edges.filter((e) => e.from === edge.from && !e.bends.length)
    const lift = twins.length > 1 ? (slot - (node.edges.length - 1) / 2) * 26 : 0
    const start = rim([from[0], from[1]], [toward[0], toward[1] + lift], this.nodes[edge.from].edges.length ? RADIUS : 21)
    const end = rim([to[0], to[1]], [last[0], last[1] + lift], RADIUS + 1)
    return { start, bends, end, lift }
  }

  edge(k, slot, phase) {
    const node = this.nodes[k]
    const edge = node.edges[slot]
    const { start, bends, end, lift } = this.points(k, slot)
    const all = [start, ...bends, end]
    let d = `M${start[0].toFixed(1)},${start[1].toFixed(1)}`
    for (let n = 1; n < all.length; n++) {
      const [ax, ay] = all[n - 1]
      const [bx, by] = all[n]
      const middle = (ax + bx) / 2
      d += lift ? ` Q${middle.toFixed(1)},${((ay + by) / 2 + lift).toFixed(1)} ${bx.toFixed(1)},${by.toFixed(1)}` : bends.length ? ` C${middle.toFixed(1)},${ay.toFixed(1)} ${middle.toFixed(1)},${by.toFixed(1)} ${bx.toFixed(1)},${by.toFixed(1)}` : ` L${bx.toFixed(1)},${by.toFixed(1)}`
    }
    const back = this.sent.has(k)
    const active = phase.now === k && (phase.fed ? phase.back > 0 : true)
    const cls = back ? "w-accent" : this.computed.has(k) ? "w-ink" : "w-hair"
    const [bx, by] = all[all.length - 1]
    const [ax, ay] = bends.length ? [bx - 10, by] : all[all.length - 2]
    const [sx, sy] = start
    const [nx, ny] = all[1]
    const tip = back ? head(sx, sy, bends.length ? Math.PI : Math.atan2(sy - ny, sx - nx), cls, 8) : head(bx, by, Math.atan2(by - ay, bx - ax), cls, 8)
    const wire = path(d, `${cls} ${active ? "" : "calm"}`, active ? 2.6 : 1.4) + (cls === "w-hair" ? "" : tip)
    // Words stand on a straight part: the weight nearer the target, what returns nearer the source.
    const [[px, py], [qx, qy]] = bends.length ? [all[all.length - 2], all[all.length - 1]] : [start, end]
    const at = (share) => [px + (qx - px) * share, py + (qy - py) * share + lift * 0.5]
    const [wx, wy] = at(bends.length ? 0.6 : 0.7)
    const [rx, ry] = bends.length ? all[1].map((v, axis) => (v + all[0][axis]) / 2) : at(0.33)
    const shown = node.kind === "function" || node.kind === "sum" ? edge.weight : 1
    const weight = shown !== 1 || edge.weight_name ? text(wx, wy - 4, number(shown), `edge-weight`, "middle") : ""
    const returned = back && (active || !this.crowded) ? text(rx, ry + (active ? 15 : 14), number(edge.returned), `returned${active ? " now" : ""}`, "middle") : ""
    return { wire, words: weight + returned }
  }

  circle(k, phase) {
    const node = this.nodes[k]
    const [x, y] = [this.x(node.at[0]), this.y(node.at[1])]
    const now = phase.now === k
    if (!node.edges.length) return this.leaf(node, x, y, phase)
    const done = this.computed.has(k)
    const outline = now ? "w-accent" : node.color ? `w-${node.color}` : done ? "w-ink" : "w-soft"
    const tint = node.color || "ink"
    const made = [circle(x, y, RADIUS, `f-paper ${outline}`, `stroke-width="${now ? 3 : 1.8}"`)]
    made.push(`<path d="M${x},${y - RADIUS} A${RADIUS},${RADIUS} 0 0 1 ${x},${y + RADIUS} Z" class="f-${tint}" opacity="${done ? 0.13 : 0.04}"/>`)
    made.push(line(x, y - RADIUS, x, y + RADIUS, node.color ? `w-${node.color}` : "w-soft", 1))
    if (done) {
      made.push(text(x + 15, y + 4, number(node.value), "half", "middle"))
      const product = node.kind === "product"
      if (product) made.push(line(x - RADIUS, y, x, y, "w-hair", 1))
      const slopes = product ? [[node.slopes[0], this.upperFirst(k) ? -7 : 15], [node.slopes[1], this.upperFirst(k) ? 15 : -7]] : [[node.slopes[0], 4]]
      for (const [slope, dy] of slopes) made.push(text(x - 15, y + dy, number(slope), "half slope", "middle"))
    }
    const sign = node.kind === "function" && node.name ? `${node.name} <tspan class="small f-soft">${node.sign}</tspan>` : node.name || node.sign
    made.push(text(x, y - RADIUS - 7, node.name ? this.serif(node, sign) : escapeText(sign).replace(/·\^(.+)/, "·<tspan dy='-5' font-size='10'>$1</tspan>"), node.name ? "" : "op", "middle"))
    if (this.reached(k, phase)) made.push(text(x, y + RADIUS + 17, `${number(this.arrivedSoFar(k, phase))} ←`, `arrived${now ? " now" : ""}`, "middle"))
    return `<g>${made.join("")}</g>`
  }

  serif(node) {
    const function_ = node.kind === "function" ? ` <tspan class="small f-soft">${escapeText(node.sign)}</tspan>` : ""
    return `<tspan class="it ${node.color ? `f-${node.color}` : ""}">${escapeText(node.name)}</tspan>${function_}`
  }

  /** In a product the two left halves stand where their arrows come in: which of both comes from above? */
  upperFirst(k) {
    const [a, b] = [0, 1].map((slot) => {
      const edge = this.nodes[k].edges[slot]
      return edge.bends.length ? edge.bends[edge.bends.length - 1][1] : this.nodes[edge.from].at[1]
    })
    return a <= b
  }

  leaf(node, x, y, phase) {
    const constant = node.kind === "constant"
    const words = constant ? number(node.value) : `<tspan class="it">${escapeText(node.name)}</tspan>`
    const box = `<rect x="${x - 21}" y="${y - 17}" width="42" height="34" rx="8" class="f-wash w-soft" stroke-width="1.2"/>`
    const k = this.nodes.indexOf(node)
    const value = constant ? text(x, y + 4, words, "half", "middle") : text(x, y + 4, number(node.value), "half", "middle") + text(x, y - 24, words, "", "middle")
    const arrived = !constant && this.reached(k, phase) ? text(x, y + 35, `${number(this.arrivedSoFar(k, phase))} ←`, "arrived", "middle") : ""
    return `<g>${box}${value}${arrived}</g>`
  }

  reached(k, phase) {
    return phase.fed && (k === this.nodes.length - 1 || this.nodes.some((node, t) => this.sent.has(t) && node.edges.some((e) => e.from === k)))
  }

  /** What has come back to a node by now: one at the output, else the sum over the arrows that were already run. */
  arrivedSoFar(k) {
    if (k === this.nodes.length - 1) return 1
    return this.paths(k).reduce((sum, v) => sum + v, 0)
  }

  paths(k) {
    return this.nodes.flatMap((node, t) => (this.sent.has(t) ? node.edges.filter((e) => e.from === k).map((e) => e.returned) : []))
  }

  called(k) {
    const node = this.nodes[k]
    return `<i>${escapeText(node.name || node.sign)}</i>`
  }

  sentences(phase) {
    if (phase.now < 0) return ["Start", "The values of the variables are set. Step forward: each circle computes its value, right, and its derivative at that value, left."]
    const node = this.nodes[phase.now]
    if (!phase.fed) return ["Forward", ...this.forwardSentences(node, phase.now)]
    if (phase.back === 0) return ["Backward", `The value at the output is <b>${number(node.value)}</b>. Now <b>1</b> is fed in there and the arrows run in reverse.`]
    const done = phase.back === this.inner.length
    return [done ? "Backward: done" : "Backward", ...this.backwardSentences(node, phase.now)]
  }

  forwardSentences(node, k) {
    const brought = node.edges.map((e) => e.weight * this.nodes[e.from].value)
    const sum = brought.map((v) => number(v)).join(" + ").replaceAll("+ −", "− ")
    if (node.kind === "sum") return [`${this.called(k)} adds what comes in: ${sum} = <b>${number(node.value)}</b>.`, "Its left half is 1: a sum hands on what comes back, to every arrow alike."]
    if (node.kind === "product") return [`${this.called(k)} multiplies: ${brought.map((v) => number(v)).join(" · ")} = <b>${number(node.value)}</b>.`, "Its left half keeps for each arrow the value of the other factor."]
    const argument = brought.reduce((a, b) => a + b, 0)
    const slope = node.slope_sign.replace("{}", number(argument))
    const gets = brought.length > 1 ? `${sum} = ${number(argument)}` : number(argument)
    return [`${this.called(k)} gets ${gets} and computes <b>${number(node.value)}</b>: the right half.`, `The left half is its derivative there, ${escapeText(slope)} = <b>${number(node.slopes[0])}</b>.`]
  }

  backwardSentences(node, k) {
    const arrived = number(this.arrivedSoFar(k))
    const ways = this.paths(k)
    const from = ways.length > 1 ? `${this.called(k)} is reached along ${ways.length} arrows: ${ways.map((v) => number(v)).join(" + ").replaceAll("+ −", "− ")} = <b>${arrived}</b>.` : `At ${this.called(k)} arrives <b>${arrived}</b>.`
    const goes = node.edges.map((e, slot) => `${arrived} · ${number(node.slopes[slot])}${e.weight !== 1 ? ` · ${number(e.weight)}` : ""} = <b>${number(e.returned)}</b> to ${this.nodes[e.from].kind === "constant" ? "the number" : this.called(e.from)}`)
    return [from, `Times its left half${node.edges.some((e) => e.weight !== 1) ? " and the weight of the edge" : ""}: ${goes.join("; ")}.`]
  }

  resultTable(phase) {
    const done = phase.fed && phase.back === this.inner.length
    const output = this.nodes[this.nodes.length - 1]
    const inputs = this.nodes.filter((n) => n.kind === "input")
    const value = this.computed.has(this.nodes.length - 1) ? number(output.value, 4) : "…"
    const row = (name, v) => `<tr><th scope="row"><i>${name}</i></th><td>${v}</td></tr>`
    const rows = inputs.map((n) => row(`∂/∂${escapeText(n.name)}`, done ? number(n.arrived, 4) : "…"))
    const weights = Object.entries(this.data.weights).map(([name, v]) => row(escapeText(name), done ? number(v, 4) : "…"))
    const more = weights.length ? `<details><summary>by weight (summed over the steps)</summary><table><tbody>${weights.join("")}</tbody></table></details>` : ""
    return `<h2>Result</h2><table><tbody>${row("value", value)}${rows.join("")}</tbody></table>${more}`
  }
}

export default mounted(BDiagram)
