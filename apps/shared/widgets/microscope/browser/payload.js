// From bytes to a view. The layout is described in payload.py, which writes it.

const MAGIC = "CARRMSC1";
const KEPT_BRANCHES = 96;
// Branches seen by this browser, by digest: Python names those it has sent before instead of sending them again.
const seenBranches = new Map();

let halfTable = null;

/** All 65,536 float16 values as float32, so that decoding is one look-up a value. */
function halves() {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    halfTable[bits] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return halfTable;
}

/** Reads a payload; null where a named branch is not here and must be asked for. */
function readPayload(bytes) {
  const own = bytes.slice(); // its own buffer: the given one may begin at an odd offset
  const text = new TextDecoder();
  if (text.decode(own.subarray(0, 8)) !== MAGIC) throw new Error("the microscope was sent something it cannot read");
  const length = new DataView(own.buffer).getUint32(8, true);
  const header = JSON.parse(text.decode(own.subarray(12, 12 + length)));
  const values = new Uint16Array(own.buffer, 12 + length);
  for (const part of header.branches) keepBranch(part, values);
  header.branches = header.order.map((entry) => seenBranches.get(entry.digest));
  return header.branches.every(Boolean) ? header : null;
}

function keepBranch(part, values) {
  const branch = part.branch;
  const table = halves();
  const take = (place) => {
    if (!place) return null;
    const size = place.shape.reduce((a, b) => a * b, 1);
    const data = new Float32Array(size);
    const start = part.start + place.at;
    for (let k = 0; k < size; k++) data[k] = table[values[start + k]];
    return { data, rows: place.shape[0], columns: place.shape[1] || 1 };
  };
  for (const name of ["saliency", "held", "written"]) branch[name] = take(branch[name]);
  for (const stream of branch.streams) {
    for (const name of Object.keys(stream.arrays)) stream.arrays[name] = take(stream.arrays[name]);
    for (const name of ["initial_cell", "initial_hidden", "gradient"]) stream[name] = take(stream[name]);
  }
  branch.digest = part.digest;
  seenBranches.set(part.digest, branch);
  while (seenBranches.size > KEPT_BRANCHES) seenBranches.delete(seenBranches.keys().next().value);
}
