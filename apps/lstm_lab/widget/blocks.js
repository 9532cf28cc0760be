// The block diagrams of the lecture deck: RNN unit, LSTM block with peepholes, GRU, with one step's numbers on their wires.

const sub = (letter, index) => `<tspan class="it">${letter}</tspan><tspan class="it index" dy="3">${index}</tspan><tspan dy="-3">\u2002</tspan>`
const X_T = sub("x", "t")
const H_T = sub("h", "t")
const C_T = sub("c", "t")
const H_BEFORE = sub("h", "t−1")
const C_BEFORE = sub("c", "t−1")

const times = (x, y) => circle(x, y, 10, "f-paper w-ink", 'stroke-width="1.5"') + text(x, y + 5, "×", "", "middle")

/** A squashing or gate node: a circle in its colour with its sign, and the logistic or tanh curve named under it. */
function gateNode(x, y, sign, color, r = 20) {
  return circle(x, y, r, `f-paper w-${color}`, 'stroke-width="2"') + text(x, y + 5, sign, `it f-${color === "soft" ? "ink" : color}`, "middle")
}

/** The state in the middle: purple above zero, olive below, as in every picture of the house. */
function stateNode(x, y, value) {
  const strength = Math.min(1, Math.abs(value) / 2)
  return (
    circle(x, y, 29, "f-paper w-cell", 'stroke-width="2.5"') +
    circle(x, y, 26, value >= 0 ? "f-cell" : "f-negative", `opacity="${(0.12 + 0.4 * strength).toFixed(2)}"`) +
    text(x, y + 5, fixed(value), "val", "middle")
  )
}
const value = (x, y, v, color, anchor = "start") => text(x, y, fixed(v), `val f-${color}`, anchor)

function rnnDiagram(step, weights) {
  const [w, u] = [weights.kernel[0][0], weights.recurrent[0][0]]
  const [x, before, after] = [step.x[0], step.before[0], step.hidden[0]]
  return [
    text(110, 396, `${X_T} ${fixed(x)}`, "", "middle"),
    arrow(110, 376, 110, 231, "w-ink"),
    value(118, 300, w * x, "soft"), text(118, 316, "w·x", "small f-soft"),
    stateNode(110, 200, after),
    text(74, 168, "tanh", "small f-soft", "end"),
    line(110, 171, 110, 100, "w-ink"), arrow(110, 100, 110, 30, "w-ink"),
    text(118, 26, `${H_T}`, ""), value(140, 26, after, "ink"),
    circle(110, 100, 3, "f-ink"),
    path("M110,100 H186 V200 H146", "w-soft dashed"), head(140, 200, Math.PI, "w-soft"),
    text(180, 92, `${H_BEFORE} ${fixed(before)}`, "small", "end"),
    value(150, 218, u * before, "soft"), text(150, 233, "u·h", "small f-soft"),
    text(180, 152, "a step", "small f-faint", "end"), text(180, 165, "later", "small f-faint", "end"),
  ].join("")
}

function lstmGates(step) {
  const outside = (x1, y1, x2, y2) => arrow(x1, y1, x2, y2, "w-soft")
  return [
    outside(8, 247, 30, 247), text(6, 238, "x h", "small f-faint"),
    outside(362, 174, 342, 174), text(348, 165, "x h", "small f-faint"),
    outside(8, 51, 30, 51), text(6, 42, "x h", "small f-faint"),
    arrow(72, 247, 138, 247, "w-input", 1 + 4 * step.input[0]), gateNode(52, 247, "ι", "input"),
    arrow(300, 174, 258, 174, "w-forget", 1 + 4 * step.forget[0]), gateNode(320, 174, "φ", "forget"),
    arrow(72, 51, 138, 51, "w-output", 1 + 4 * step.output[0]), gateNode(52, 51, "ω", "output"),
    value(104, 238, step.input[0], "input", "middle"),
    value(280, 164, step.forget[0], "forget", "middle"),
    value(104, 42, step.output[0], "output", "middle"),
  ].join("")
}

function peepholes(step, weights) {
  const [pi, pf, po] = weights.peephole.map((p) => p[0])
  const pipe = (d, x, y, angle, p, lx, ly) =>
    p === 0 ? path(d, "w-hair dashed") : path(d, "w-cell dashed") + head(x, y, angle, "w-cell") + text(lx, ly, signed(p), "small f-cell", "middle")
  return [
    pipe("M127,193 C100,212 66,204 56,223", 55, 227, 1.9, pi * step.cellBefore[0], 92, 198),
    pipe("M168,197 C205,244 296,244 315,199", 317, 194, -1.2, pf * step.cellBefore[0], 246, 228),
    pipe("M127,156 C90,136 60,112 54,76", 53, 71, -1.75, po * step.cell[0], 74, 140),
  ].join("")
}

function lstmDiagram(step, weights, showPeepholes) {
  const [x, before, c] = [step.x[0], step.before[0], step.cell[0]]
  const kept = step.forget[0] * step.cellBefore[0]
  return [
    text(150, 396, `${X_T} ${fixed(x)}   ${H_BEFORE} ${fixed(before)}`, "", "middle"),
    arrow(150, 376, 150, 339, "w-ink"), gateNode(150, 318, "g", "cell"),
    text(176, 323, "tanh", "small f-soft"),
    arrow(150, 298, 150, 258, "w-ink"), value(158, 284, step.candidate[0], "cell"),
    arrow(150, 237, 150, 204, "w-ink"), value(158, 225, step.input[0] * step.candidate[0], "input"), times(150, 247),
    showPeepholes ? peepholes(step, weights) : "",
    path("M174,156 C198,116 247,118 247,162", "w-cell", 2), head(247, 164, Math.PI / 2, "w-cell"),
    text(250, 122, `${C_BEFORE} ${fixed(step.cellBefore[0])}`, "small"),
    arrow(237, 174, 181, 174, "w-cell", 2), value(210, 191, kept, "forget", "middle"), times(247, 174),
    line(150, 146, 150, 118, "w-ink"), gateNode(150, 102, "h", "cell", 16), text(172, 107, "tanh", "small f-soft"),
    arrow(150, 86, 150, 62, "w-ink"), value(158, 80, Math.tanh(c), "cell"),
    arrow(150, 41, 150, 14, "w-ink"), times(150, 51), text(160, 24, `${H_T}`, ""), value(184, 24, step.hidden[0], "output"),
    stateNode(150, 174, c), lstmGates(step),
    text(112, 172, `${C_T}`, "", "end"),
  ].join("")
}

function gruDiagram(step) {
  const [z, r, g, before, after] = [step.update[0], step.reset[0], step.candidate[0], step.before[0], step.hidden[0]]
  return [
    text(150, 396, `${X_T} ${fixed(step.x[0])}`, "", "middle"),
    arrow(150, 376, 150, 339, "w-ink"), gateNode(150, 318, "g", "cell"), text(176, 323, "tanh", "small f-soft"),
    arrow(150, 298, 150, 258, "w-ink"), value(142, 284, g, "cell", "end"),
    arrow(150, 237, 150, 180, "w-ink"), value(142, 214, (1 - z) * g, "input", "end"),
    path("M320,180 V150 H262", "w-forget", 1 + 4 * z), head(257, 150, Math.PI, "w-forget", 5 + 1 + 4 * z),
    path("M320,220 V247 H262", "w-forget"), head(257, 247, Math.PI, "w-forget"),
    gateNode(320, 200, "z", "forget"), value(296, 142, z, "forget", "middle"),
    arrow(362, 200, 342, 200, "w-soft"), text(348, 191, "x h", "small f-faint"),
    arrow(236, 247, 162, 247, "w-input", 1 + 4 * (1 - z)),
    circle(246, 247, 11, "f-paper w-input", 'stroke-width="1.5"'), text(246, 251, "1−", "small f-input", "middle"),
    value(200, 238, 1 - z, "input", "middle"), times(150, 247),
    path("M174,132 C198,92 246,94 246,138", "w-cell", 2), head(246, 140, Math.PI / 2, "w-cell"),
    text(250, 98, `${H_BEFORE} ${fixed(before)}`, "small"),
    arrow(236, 150, 181, 150, "w-cell", 2), value(209, 167, z * before, "forget", "middle"), times(246, 150),
    arrow(150, 121, 150, 14, "w-ink"), text(160, 24, `${H_T}`, ""), value(184, 24, after, "ink"),
    path("M124,163 C92,190 86,240 86,302", "w-soft dashed"), head(86, 307, Math.PI / 2, "w-soft"),
    text(82, 200, `${H_BEFORE}`, "small", "end"),
    arrow(46, 318, 75, 318, "w-output", 1 + 3 * r), gateNode(26, 318, "r", "output"), value(60, 306, r, "output", "middle"),
    arrow(96, 318, 129, 318, "w-ink"), value(112, 338, r * before, "soft", "middle"), times(86, 318),
    arrow(26, 362, 26, 340, "w-soft"), text(16, 374, "x h", "small f-faint"),
    stateNode(150, 150, after),
  ].join("")
}

const DIAGRAM_WIDTH = { rnn: 220, lstm: 370, gru: 370 }

function blockDiagram(kind, body, label) {
  return `<svg viewBox="0 0 ${DIAGRAM_WIDTH[kind]} 404" width="${DIAGRAM_WIDTH[kind]}" role="img" aria-label="${label}">${body}</svg>`
}
