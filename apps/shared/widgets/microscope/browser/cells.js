// The arithmetic of the cells: c and h from the gates, so that what an equation shows always adds up.

/** What can be shown of a stream, in the order of the menu. `family` chooses the colour. */
const QUANTITIES = [
  {
    name: "cell",
    label: "Cell",
    symbol: "c",
    family: "cell",
    signed: true,
    says: "the cell c, the LSTM’s long memory",
  },
  { name: "hidden", label: "Shown", symbol: "h", family: "cell", signed: true, says: "what the layer puts out, h" },
  {
    name: "candidate",
    label: "Candidate",
    symbol: "g",
    family: "cell",
    signed: true,
    says: "what could be written, g",
  },
  { name: "input", label: "Input", symbol: "i", family: "input", says: "the input gate i: how much is written" },
  { name: "forget", label: "Forget", symbol: "f", family: "forget", says: "the forget gate f: how much is kept" },
  { name: "output", label: "Output", symbol: "o", family: "output", says: "the output gate o: how much is shown" },
  { name: "update", label: "Update", symbol: "z", family: "forget", says: "the update gate z: how much is kept" },
  {
    name: "reset",
    label: "Reset",
    symbol: "r",
    family: "input",
    says: "the reset gate r: how much the candidate sees",
  },
  {
    name: "gradient",
    label: "Gradient",
    symbol: "∂",
    family: "cell",
    signed: true,
    says: "∂ logit of the written word / ∂ cell",
  },
];

/** Derives everything of a stream once; edits of the branch are repeated as Python applied them. */
function deriveStream(stream, edits) {
  if (stream.series) return stream;
  const { steps, units } = stream;
  const wide = {};
  for (const [name, array] of Object.entries(stream.arrays)) wide[name] = widen(array, units);
  const initial = (array) => (array ? array.data : new Float32Array(units));
  stream.order = [...Array(steps).keys()];
  if (stream.reverse) stream.order.reverse();
  stream.initialMemory = initial(
    stream.kind === "gru" || stream.kind === "rnn" ? stream.initial_hidden : stream.initial_cell,
  );
  if (stream.kind === "coupled" && !wide.input && wide.forget) wide.input = wide.forget.map((f) => 1 - f);
  const own = edits.filter((edit) => edit.stream === stream.name);
  if (stream.kind === "gru") deriveGru(stream, wide, own);
  else if (stream.kind !== "rnn") deriveLstm(stream, wide, own);
  if (stream.gradient) wide.gradient = widen(stream.gradient, units);
  stream.series = wide;
  stream.memory = wide.cell ? "cell" : "hidden"; // where the layer keeps things
  stream.keep = wide.forget ? "forget" : wide.update ? "update" : null; // the gate of its carrousel
  stream.quantities = QUANTITIES.filter((quantity) => wide[quantity.name]);
  stream.place = new Int32Array(steps); // source position → reading order
  stream.order.forEach((position, index) => (stream.place[position] = index));
  return stream;
}

/** Repeats a block's gate over its cells. */
function widen(array, units) {
  if (array.columns === units) return array.data;
  const wide = new Float32Array(array.rows * units);
  for (let t = 0; t < array.rows; t++)
    for (let u = 0; u < units; u++)
      wide[t * units + u] = array.data[t * array.columns + Math.floor((u * array.columns) / units)];
  return wide;
}

function deriveLstm(stream, wide, edits) {
  const { steps, units } = stream;
  const { input, forget, output, candidate } = wide;
  if (!wide.cell && forget && input && candidate) {
    wide.cell = new Float32Array(steps * units);
    walk(stream, wide.cell, edits, (at, before) => forget[at] * before + input[at] * candidate[at]);
  }
  if (!wide.hidden && wide.cell && output) wide.hidden = output.map((o, at) => o * Math.tanh(wide.cell[at]));
}

function deriveGru(stream, wide, edits) {
  const { steps, units } = stream;
  const { update, candidate } = wide;
  if (wide.hidden || !update || !candidate) return;
  wide.hidden = new Float32Array(steps * units);
  walk(stream, wide.hidden, edits, (at, before) => update[at] * before + (1 - update[at]) * candidate[at]);
}

/** Fills `memory` step by step in reading order, with edited units replaced after each step. */
function walk(stream, memory, edits, rule) {
  const { units } = stream;
  let before = stream.initialMemory;
  stream.order.forEach((position, index) => {
    const now = memory.subarray(position * units, (position + 1) * units);
    for (let u = 0; u < units; u++) now[u] = rule(position * units + u, before[u]);
    for (const edit of edits) {
      if (index < edit.from_step) continue;
      now[edit.unit] = { zero: 0, one: 1, freeze: before[edit.unit], value: edit.value }[edit.action];
    }
    before = now;
  });
}

/** The memory of `unit` before the step at source or target position `position`. */
function memoryBefore(stream, position, unit) {
  const index = stream.place[position];
  if (index === 0) return stream.initialMemory[unit];
  return stream.series[stream.memory][stream.order[index - 1] * stream.units + unit];
}

/** |memory now − memory before| of every unit at one position. */
function changes(stream, position) {
  const now = stream.series[stream.memory];
  const result = new Float32Array(stream.units);
  for (let u = 0; u < stream.units; u++)
    result[u] = Math.abs(now[position * stream.units + u] - memoryBefore(stream, position, u));
  return result;
}

/** Mean over units of a gate, one value a position. */
function meanOver(stream, name) {
  stream.means = stream.means || {};
  if (stream.means[name]) return stream.means[name];
  const { steps, units } = stream;
  const values = stream.series[name];
  const result = new Float32Array(steps);
  for (let t = 0; t < steps; t++) {
    let sum = 0;
    for (let u = 0; u < units; u++) sum += values[t * units + u];
    result[t] = sum / units;
  }
  return (stream.means[name] = result);
}

/** How strongly each unit was written at a position: |i·g|, or |(1 − z)·g|. */
function writing(stream, position, unit) {
  const { input, update, candidate } = stream.series;
  const at = position * stream.units + unit;
  return Math.abs((input ? input[at] : 1 - update[at]) * candidate[at]);
}

/**
 * The carrousel within one layer: row j, column t: of what was written at position j, the share that the product of
 * the keep gates in between leaves at position t, units weighted by how strongly they were written.
 */
function carrouselWithin(stream) {
  if (stream.carrousel) return stream.carrousel;
  const { steps, units, order } = stream;
  const keep = stream.series[stream.keep];
  const shares = new Float32Array(steps * steps);
  const left = new Float64Array(units);
  for (let from = 0; from < steps; from++) {
    let whole = 0;
    for (let u = 0; u < units; u++) whole += left[u] = writing(stream, order[from], u);
    for (let to = from; to < steps; to++) {
      let sum = 0;
      for (let u = 0; u < units; u++) {
        if (to > from) left[u] *= keep[order[to] * units + u];
        sum += left[u];
      }
      shares[order[from] * steps + order[to]] = whole ? sum / whole : 0;
    }
  }
  return (stream.carrousel = shares);
}

/** Of the state a stream started from, the share that the keep gates leave after each step, units weighted by |c₀|. */
function startHeld(stream) {
  const { steps, units, order } = stream;
  const keep = stream.series[stream.keep];
  const left = Float64Array.from(stream.initialMemory, Math.abs);
  const whole = left.reduce((a, b) => a + b, 0);
  const shares = new Float32Array(steps);
  for (const position of order) {
    let sum = 0;
    for (let u = 0; u < units; u++) sum += left[u] *= keep[position * units + u];
    shares[position] = whole ? sum / whole : 0;
  }
  return shares;
}
