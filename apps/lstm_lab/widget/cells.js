// The recurrent units' forward and backward passes, as small plain functions.
// They mirror apps/lstm_lab/units.py and models/layers/reference.py (tests/pages/test_lab_page.py compares them); weights come
// in Keras' layout: LSTM columns i, f, c, o; GRU columns z, r, h with reset_after=False.

const sigmoid = (a) => 1 / (1 + Math.exp(-a))

/** What arrives at every column: x·W + h·U + b. */
function arrivals(weights, x, hidden) {
  const { kernel, recurrent, bias } = weights
  return bias.map((b, column) => {
    let sum = b
    for (let i = 0; i < x.length; i++) sum += x[i] * kernel[i][column]
    for (let j = 0; j < hidden.length; j++) sum += hidden[j] * recurrent[j][column]
    return sum
  })
}

function rnnForward(weights, inputs) {
  let hidden = new Array(weights.units).fill(0)
  return inputs.map((x) => {
    const before = hidden
    hidden = arrivals(weights, x, before).map(Math.tanh)
    return { x, before, hidden, state: hidden }
  })
}

function lstmForward(weights, inputs) {
  const H = weights.units
  const [pi, pf, po] = weights.peephole || [0, 1, 2].map(() => new Array(H).fill(0))
  let hidden = new Array(H).fill(0)
  let cell = new Array(H).fill(0)
  return inputs.map((x) => {
    const before = hidden
    const cellBefore = cell
    const a = arrivals(weights, x, before)
    const units = [...Array(H).keys()]
    const input = units.map((u) => sigmoid(a[u] + pi[u] * cellBefore[u]))
    const forget = units.map((u) => sigmoid(a[H + u] + pf[u] * cellBefore[u]))
    const candidate = units.map((u) => Math.tanh(a[2 * H + u]))
    cell = units.map((u) => forget[u] * cellBefore[u] + input[u] * candidate[u])
    // The output gate looks at the state after the step, the other two at the state before it.
    const output = units.map((u) => sigmoid(a[3 * H + u] + po[u] * cell[u]))
    hidden = units.map((u) => output[u] * Math.tanh(cell[u]))
    return { x, before, cellBefore, input, forget, candidate, output, cell, hidden, state: cell }
  })
}

function gruForward(weights, inputs) {
  const H = weights.units
  const { kernel, recurrent, bias } = weights
  let hidden = new Array(H).fill(0)
  return inputs.map((x) => {
    const before = hidden
    const a = arrivals(weights, x, before)
    const units = [...Array(H).keys()]
    const update = units.map((u) => sigmoid(a[u]))
    const reset = units.map((u) => sigmoid(a[H + u]))
    const candidate = units.map((u) => {
      let sum = bias[2 * H + u]
      for (let i = 0; i < x.length; i++) sum += x[i] * kernel[i][2 * H + u]
      for (let j = 0; j < H; j++) sum += reset[j] * before[j] * recurrent[j][2 * H + u]
      return Math.tanh(sum)
    })
    hidden = units.map((u) => update[u] * before[u] + (1 - update[u]) * candidate[u])
    return { x, before, update, reset, candidate, hidden, state: hidden }
  })
}

const FORWARD = { rnn: rnnForward, lstm: lstmForward, gru: gruForward }

/** recurrent · delta, from the columns that start at `offset`. */
function throughRecurrent(recurrent, delta, offset, out) {
  for (let j = 0; j < out.length; j++) for (let u = 0; u < delta.length; u++) out[j] += recurrent[j][offset + u] * delta[u]
}

/** One step back for the plain unit: what arrives at h_t becomes what arrives at h_{t-1}. */
function rnnStepBack(weights, step, { hidden }) {
  const delta = hidden.map((e, u) => e * (1 - step.hidden[u] ** 2))
  const next = new Array(weights.units).fill(0)
  throughRecurrent(weights.recurrent, delta, 0, next)
  return { hidden: next }
}

function gruStepBack(weights, step, { hidden }) {
  const H = weights.units
  const next = hidden.map((e, u) => e * step.update[u])
  const dCandidate = hidden.map((e, u) => e * (1 - step.update[u]) * (1 - step.candidate[u] ** 2))
  const dUpdate = hidden.map((e, u) => e * (step.before[u] - step.candidate[u]) * step.update[u] * (1 - step.update[u]))
  const read = new Array(H).fill(0)
  throughRecurrent(weights.recurrent, dCandidate, 2 * H, read)
  const dReset = read.map((e, u) => e * step.before[u] * step.reset[u] * (1 - step.reset[u]))
  for (let u = 0; u < H; u++) next[u] += read[u] * step.reset[u]
  throughRecurrent(weights.recurrent, dUpdate, 0, next)
  throughRecurrent(weights.recurrent, dReset, H, next)
  return { hidden: next }
}

/** Graves' backward pass (2012, ch. 4): ε_c and what is already at the state in; the same two, one step earlier, out. */
function lstmStepBack(weights, step, { hidden, cell }) {
  const H = weights.units
  const [pi, pf, po] = weights.peephole || [0, 1, 2].map(() => new Array(H).fill(0))
  const deltas = { input: [], forget: [], candidate: [], output: [] }
  const atState = []
  const nextCell = []
  for (let u = 0; u < H; u++) {
    const squashed = Math.tanh(step.cell[u])
    const dOutput = step.output[u] * (1 - step.output[u]) * squashed * hidden[u]
    const e = step.output[u] * (1 - squashed ** 2) * hidden[u] + cell[u] + po[u] * dOutput
    const dForget = step.forget[u] * (1 - step.forget[u]) * step.cellBefore[u] * e
    const dInput = step.input[u] * (1 - step.input[u]) * step.candidate[u] * e
    atState.push(e)
    deltas.output.push(dOutput)
    deltas.forget.push(dForget)
    deltas.input.push(dInput)
    deltas.candidate.push(step.input[u] * (1 - step.candidate[u] ** 2) * e)
    nextCell.push(step.forget[u] * e + pi[u] * dInput + pf[u] * dForget)
  }
  const nextHidden = new Array(H).fill(0)
  const columns = [deltas.input, deltas.forget, deltas.candidate, deltas.output]
  columns.forEach((delta, k) => throughRecurrent(weights.recurrent, delta, k * H, nextHidden))
  return { hidden: nextHidden, cell: nextCell, atState }
}

const norm = (rows) => Math.sqrt(rows.flat().reduce((sum, v) => sum + v * v, 0))

/**
 * How much of a nudge to the state at step t is still felt in the state at the last step T.
 *
 * Returns for every t the Frobenius norm of ∂state_T/∂state_t over √units: 1 at t = T by definition. The state is c for the
 * LSTM (with everything that c does through h and the gates), h for the other two.
 */
function gradientFlow(kind, weights, inputs) {
  const steps = FORWARD[kind](weights, inputs)
  const H = weights.units
  const root = Math.sqrt(H)
  const flow = new Array(inputs.length).fill(1)
  let arriving = [...Array(H).keys()].map((k) => {
    const unit = [...Array(H).keys()].map((u) => (u === k ? 1 : 0))
    return kind === "lstm" ? { hidden: new Array(H).fill(0), cell: unit } : { hidden: unit }
  })
  const stepBack = { rnn: rnnStepBack, gru: gruStepBack, lstm: lstmStepBack }[kind]
  for (let t = inputs.length - 1; t >= 0; t--) {
    const before = arriving.map((a) => stepBack(weights, steps[t], a))
    flow[t] = norm(kind === "lstm" ? before.map((a) => a.atState) : arriving.map((a) => a.hidden)) / root
    arriving = before
  }
  return flow
}
