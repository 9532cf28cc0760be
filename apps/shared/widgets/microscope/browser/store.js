// What is looked at: the branch, the step, the streams, the unit. Panels read it and are told what changed.

class Store {
  constructor(send) {
    this.send = send; // (request) → Python
    this.view = null;
    this.branch = null;
    this.step = 0;
    this.quantity = "cell";
    this.streamNames = { source: null, target: null };
    this.side = "target";
    this.unit = { source: null, target: null };
    this.sourceColumn = null;
    this.sort = "change";
    this.held = false; // the order of the units is held
    this.all = false;
    this.playing = false;
    this.pending = null;
    this.problem = "";
    this.listeners = { branch: [], step: [], inside: [], status: [] };
    this.requests = 0;
    this.session = Math.random().toString(36).slice(2, 8);
  }

  on(kind, listener) {
    this.listeners[kind].push(listener);
  }

  tell(kind) {
    for (const listener of this.listeners[kind]) listener();
  }

  /** Takes a new view: keeps the reader's place where it is the same source, opens what is new. */
  take(view) {
    const before = this.view;
    const same = before && before.branches[0].digest === view.branches[0].digest;
    this.view = view;
    if (view.answered && this.pending && view.answered === this.pending.id) this.settle(view.problem);
    const old = new Set(same ? before.branches.map((branch) => branch.digest) : []);
    const fresh = same ? view.branches.filter((branch) => !old.has(branch.digest)) : [];
    const wanted =
      !same || view.branch !== before.branch ? view.branches.find((branch) => branch.id === view.branch) : null;
    const kept = same && view.branches.find((branch) => branch.digest === this.branch.digest);
    const parent = same && view.branches.find((branch) => branch.id === this.branch.parent);
    const next = fresh[fresh.length - 1] || wanted || kept || parent || view.branches[0];
    if (!same) this.reset(view);
    else if (fresh.length && next.position !== null) this.step = next.position;
    if (next === this.branch && same) return this.tell("status");
    this.open(next);
  }

  reset(view) {
    this.playing = false;
    this.sourceColumn = null;
    this.unit = { source: null, target: null };
    this.side = "target";
    this.held = false;
    const steps = view.branches[0].trace.hypotheses[view.branches[0].path].ids.length;
    this.step = view.step === null ? Math.min(3, steps - 1) : view.step;
  }

  /** Opens a branch: derives what its readings leave to derive, once. */
  open(branch) {
    this.branch = branch;
    if (!branch.ready) prepareBranch(branch, this.view);
    this.step = Math.max(0, Math.min(this.step, branch.steps - 1));
    for (const side of ["source", "target"]) {
      const names = branch.sides[side].map((stream) => stream.name);
      if (!names.includes(this.streamNames[side])) this.streamNames[side] = names[0] || null;
    }
    if (!this.quantities().some((quantity) => quantity.name === this.quantity))
      this.quantity = this.quantities()[0]?.name || "cell";
    this.tell("branch");
    this.tell("step");
  }

  stream(side) {
    return this.branch.sides[side].find((stream) => stream.name === this.streamNames[side]) || null;
  }

  /** What can be shown of the chosen streams, the carrousel included. */
  quantities() {
    const streams = [this.stream("target"), this.stream("source")].filter(Boolean);
    const found = QUANTITIES.filter((quantity) => streams.some((stream) => stream.series[quantity.name]));
    if (streams.some((stream) => stream.keep))
      found.push({
        name: "carrousel",
        label: "Carrousel",
        symbol: "○",
        family: "cell",
        says: "what is still there of what was written",
      });
    return found;
  }

  go(step) {
    const next = Math.max(0, Math.min(step, this.branch.steps - 1));
    if (next === this.step) return;
    this.step = next;
    this.side = "target";
    this.tell("step");
  }

  choose(branch) {
    if (branch === this.branch) return;
    this.open(branch);
  }

  /** Changes something of the inside panel and redraws that alone. */
  set(changesToMake) {
    Object.assign(this, changesToMake);
    this.tell("inside");
  }

  /** Sends a request to Python and waits for its answer, at most half a minute; one at a time. */
  request(message, label) {
    if (this.pending) return;
    const id = `${this.session}.${++this.requests}`;
    this.playing = false;
    this.problem = "";
    this.pending = { ...message, id, branch: message.branch || this.branch.id, label };
    const { label: _, ...sent } = this.pending;
    this.timer = setTimeout(() => this.settle("No answer came back. Try again, or reload the page."), 30000);
    this.tell("status");
    this.send(sent);
  }

  settle(problem) {
    clearTimeout(this.timer);
    this.pending = null;
    this.problem = problem || "";
    this.tell("status");
  }
}

/** Looks up, once per branch, everything that a step needs. */
function prepareBranch(branch, view) {
  const hypothesis = branch.trace.hypotheses[branch.path];
  branch.ready = true;
  branch.hypothesis = hypothesis;
  branch.tokens = hypothesis.tokens;
  branch.steps = hypothesis.ids.length;
  branch.pieces = view.target.pieces;
  branch.sides = { source: [], target: [] };
  for (const stream of branch.streams) {
    deriveStream(stream, branch.edits);
    if (!stream.columns.length) stream.columns = stream.side === "target" ? branch.tokens : [];
    branch.sides[stream.side].push(stream);
  }
  prepareSteps(branch, hypothesis);
}

/** Per step: the expansion of the shown hypothesis, the chosen token's probability and rank, doubt. */
function prepareSteps(branch, hypothesis) {
  const steps = branch.trace.steps;
  branch.nodes = new Map();
  steps.forEach((step, position) => {
    for (const beam of step.beams) if (!branch.nodes.has(beam.node)) branch.nodes.set(beam.node, { ...beam, position });
  });
  branch.at = hypothesis.ids.map((id, position) => {
    const step = steps[position] || { expanded: [], beams: [], fallen: [] };
    const parent = position ? hypothesis.path[position - 1] : 0;
    const expansion = step.expanded.find((entry) => entry.beam === parent) || step.expanded[0] || null;
    const candidates = expansion ? expansion.candidates : [];
    const found = candidates.findIndex((candidate) => candidate.id === id);
    const node = branch.nodes.get(hypothesis.path[position]);
    const logProb = found >= 0 ? candidates[found].log_prob : node ? node.log_prob : null;
    const probability = logProb === null ? null : Math.exp(logProb);
    const rank = found >= 0 ? found + 1 : node ? node.rank_in_parent : null;
    return {
      id,
      position,
      step,
      expansion,
      candidates,
      probability,
      rank,
      entropy: expansion ? expansion.entropy : null,
      forced: Boolean(step.forced),
      forcedHere: branch.token_id !== null && branch.position === position,
      doubt: probability !== null && probability < 0.5,
    };
  });
}
