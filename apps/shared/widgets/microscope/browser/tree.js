// What the search kept: columns are steps, lanes are ranks. Columns slide; what fell stands below the cut, struck through.

const LANE = 27;
const TOP = 14;
const FALLEN_LANE = 20;

class Tree {
  constructor(store) {
    this.store = store;
    const { head, note } = panelHead("What the search kept", "");
    this.head = head;
    this.note = note;
    this.edges = draw("svg.edges", { "aria-hidden": "true" });
    this.layer = make("div.layer", {}, this.edges);
    this.cut = make("div.cut", {}, (this.cutText = make("span")));
    this.view = make("div.window", {}, this.layer, this.cut);
    this.reading = make("p.reading");
    this.element = make("section.panel.tree", { "aria-label": "What the search kept" }, head, this.view, this.reading);
    this.view.onpointerover = this.view.onfocusin = (event) => this.read(event.target.closest("[data-node]"));
    this.view.onpointerleave = this.view.onfocusout = () => this.read(null);
    this.view.onkeydown = (event) => this.move(event);
  }

  build() {
    const { branch } = this.store;
    const steps = branch.trace.steps;
    const { method, beam_size: size, length_penalty: penalty } = branch.trace.settings;
    this.lanes = Math.max(1, ...steps.map((step) => step.beams.length));
    const kept =
      method === "beam" && size > 1
        ? `Beam of ${size}: each column holds the ${size} best beginnings`
        : method === "sampling"
          ? "Sampling: each column is what was drawn"
          : "Greedy: each column holds the one best word";
    const score = penalty
      ? `, by log-probability ÷ length${penalty === 1 ? "" : ` to the power ${penalty}`}`
      : ", by log-probability";
    setText(this.note, `${kept}${method === "beam" ? score : ""}.`);
    this.fallenMost = Math.max(0, ...steps.map((step) => step.fallen.length));
    this.order = steps.map((step) => step.beams.map((beam) => beam.node));
    this.path = branch.hypothesis.path;
    this.lastAlive = this.survival(steps);
    this.measure();
  }

  /** For every node, the last step at which a kept hypothesis still passes through it. */
  survival(steps) {
    const last = new Map();
    const { nodes } = this.store.branch;
    steps.forEach((step, position) => {
      for (const beam of step.beams) {
        let node = beam.node;
        while (node && last.get(node) !== position) {
          last.set(node, position);
          node = nodes.get(node)?.parent;
        }
      }
    });
    return last;
  }

  measure() {
    const width = this.view.clientWidth;
    if (!width) return;
    this.font = getComputedStyle(this.view).font;
    this.smallFont = this.font.replace(/[\d.]+px/, "11.5px");
    this.visible = Math.max(2, Math.min(6, Math.floor((width - 30) / 104)));
    this.columnWidth = (width - 30) / this.visible;
    this.room = Math.max(24, this.columnWidth - 36); // of a label: the rest is for its edge, or its score
    this.height = TOP * 2 + this.lanes * LANE;
    this.view.style.height = `${this.height + (this.fallenMost ? 14 + this.fallenMost * FALLEN_LANE : 0)}px`;
    this.edges.setAttribute("width", this.columnWidth * this.order.length + 60);
    this.edges.setAttribute("height", parseFloat(this.view.style.height));
    this.columns = [];
    this.layer.replaceChildren(this.edges);
    this.edges.replaceChildren();
    this.cut.style.transform = `translateY(${this.height - 4}px)`;
    this.cut.hidden = !this.fallenMost;
    this.from = this.to = -1;
  }

  step() {
    if (!this.columnWidth) return;
    const { step } = this.store;
    const last = Math.min(step, this.order.length - 1);
    const from = Math.max(0, last - this.visible);
    for (const column of this.columns)
      if (column && (column.position < from || column.position > last)) this.show(column, false);
    for (let position = from; position <= last; position++)
      this.paint((this.columns[position] ||= this.column(position)), last);
    const shift = Math.max(0, last - (this.visible - 1)) * this.columnWidth;
    setStyle(this.layer, "transform", `translateX(${(-shift).toFixed(1)}px)`);
    this.tellCut(last);
    this.read(null);
  }

  show(column, on) {
    if (column.shown === on) return;
    column.shown = on;
    column.element.hidden = !on;
    column.edges.style.display = on ? "" : "none";
  }

  x(position) {
    return position * this.columnWidth + 22;
  }

  y(lane) {
    return TOP + lane * LANE + LANE / 2;
  }

  /** Builds one column, once: its words, its edges to the column before, and what fell. */
  column(position) {
    const { branch } = this.store;
    const step = branch.trace.steps[position];
    const element = make("div.column");
    const edges = draw("g");
    const fallen = draw("g.fallen");
    const nodes = step.beams.map((beam, lane) => this.node(branch, beam, lane, position, element, edges));
    const below = make("div.below");
    step.fallen.forEach((entry, lane) => this.fallen(branch, entry, lane, position, below, fallen));
    element.append(below);
    edges.append(fallen);
    this.layer.append(element);
    this.edges.append(edges);
    return { position, element, edges, nodes, below, fallenEdges: fallen, shown: true };
  }

  node(branch, beam, lane, position, element, edges) {
    const label = beam.frozen ? "·" : tokenText(beam.text, branch.pieces, position === 0);
    const shown = fitText(label, this.font, this.room);
    const score = make("span.score", { text: signed(beam.normalized) });
    const button = make(
      "button.node",
      {
        "data-node": beam.node,
        "data-lane": lane,
        "data-position": position,
        tabindex: "-1",
        "aria-label": `Rank ${lane + 1} at step ${position + 1}: ${this.whole(branch, beam.node)}, score ${signed(beam.normalized)}${beam.finished ? ", finished" : ""}`,
        style: `transform:translate(${this.x(position)}px,${this.y(lane)}px)`,
        onclick: () => this.goOn(beam, position),
      },
      make("span.token", { text: shown, dir: "auto" }),
      score,
    );
    if (beam.finished) button.classList.add("finished");
    if (beam.frozen) button.classList.add("frozen");
    element.append(button);
    const edge = draw("path", { class: beam.frozen ? "edge frozen" : "edge", d: this.edgePath(position, beam, lane) });
    edges.append(edge);
    return { node: beam.node, parent: beam.parent, button, edge, finished: beam.finished, lane };
  }

  fallen(branch, entry, lane, position, below, edges) {
    const y = this.height + 12 + lane * FALLEN_LANE;
    const label = fitText(tokenText(entry.text, branch.pieces, position === 0), this.font, this.room);
    const item = make(
      "span.drop",
      {
        tabindex: "-1",
        "data-node": entry.parent,
        "data-fallen": lane,
        "data-position": position,
        style: `transform:translate(${this.x(position)}px,${y}px)`,
        title: entry.why,
      },
      make("s", { text: label }),
      make("span.score", { text: signed(entry.normalized) }),
    );
    below.append(item);
    edges.append(
      draw("path", {
        class: "edge",
        d: this.curve(position, this.laneOf(position - 1, entry.parent), y, entry.parent),
      }),
    );
  }

  laneOf(position, node) {
    return position < 0 ? -1 : this.order[position].indexOf(node);
  }

  edgePath(position, beam, lane) {
    const before = position ? this.order[position - 1] : [];
    const from = beam.frozen ? before.indexOf(beam.node) : before.indexOf(beam.parent);
    return this.curve(position, from, this.y(lane), beam.frozen ? beam.node : beam.parent, beam.frozen);
  }

  curve(position, fromLane, y, parent) {
    const x2 = this.x(position) - 5;
    if (position === 0 || fromLane < 0) {
      const middle = this.y((this.lanes - 1) / 2);
      return `M${x2 - 18} ${position ? y : middle}C${x2 - 8} ${position ? y : middle} ${x2 - 10} ${y} ${x2} ${y}`;
    }
    const { branch } = this.store;
    const before = branch.trace.steps[position - 1].beams[fromLane];
    const label = before.frozen ? "·" : tokenText(before.text, branch.pieces, position === 1);
    const x1 = this.x(position - 1) + Math.min(textWidth(label, this.font), this.room) + 6;
    const y1 = this.y(fromLane);
    const bend = Math.max(12, (x2 - x1) * 0.5);
    return `M${x1.toFixed(1)} ${y1}C${(x1 + bend).toFixed(1)} ${y1} ${(x2 - bend).toFixed(1)} ${y} ${x2} ${y}`;
  }

  paint(column, now) {
    this.show(column, true);
    const current = column.position === now;
    setClass(column.element, "now", current);
    column.fallenEdges.style.display = current ? "" : "none";
    for (const entry of column.nodes) {
      const alive = (this.lastAlive.get(entry.node) ?? -1) >= now;
      const chosen =
        this.path[column.position] === entry.node ||
        (this.path[this.path.length - 1] === entry.node && column.position >= this.path.length);
      setClass(entry.button, "dead", !alive);
      setClass(entry.button, "chosen", chosen);
      setClass(entry.edge, "dead", !alive);
      setClass(entry.edge, "chosen", chosen);
      entry.button.tabIndex = current && entry.lane === 0 ? 0 : -1;
    }
  }

  tellCut(position) {
    const step = this.store.branch.trace.steps[position];
    const last = step.beams[step.beams.length - 1];
    setText(this.cutText, step.fallen.length && last ? `below ${signed(last.normalized)}: dropped` : "");
    setClass(this.cut, "empty", !step.fallen.length);
  }

  /** The beginning that ends in a node, as text. */
  whole(branch, node) {
    const tokens = [];
    for (let entry = branch.nodes.get(node); entry; entry = branch.nodes.get(entry.parent)) tokens.unshift(entry.text);
    return sentence(tokens, branch.pieces) || "(nothing yet)";
  }

  read(target) {
    const { branch } = this.store;
    if (!target)
      return setText(
        this.reading,
        this.store.view.can_force
          ? "Point at a beginning to read it whole; choose it to go on from there."
          : "Point at a beginning to read it whole.",
      );
    const position = Number(target.dataset.position);
    const step = branch.trace.steps[position];
    if (target.dataset.fallen !== undefined) {
      const entry = step.fallen[Number(target.dataset.fallen)];
      const before = entry.parent ? this.whole(branch, entry.parent) : "";
      return setText(this.reading, `“${before} ${pieceText(entry.text)}” fell: ${entry.why}.`);
    }
    const beam = step.beams[Number(target.dataset.lane)];
    const end = beam.finished ? ", finished" : "";
    const alive = this.lastAlive.get(beam.node) >= Math.min(this.store.step, this.order.length - 1);
    setText(
      this.reading,
      `“${this.whole(branch, beam.node)}”${end}: log-probability ${signed(beam.score)}, normalised ${signed(beam.normalized)}, rank ${Number(target.dataset.lane) + 1}${alive ? ", kept" : ", no longer continued"}.`,
    );
  }

  /** Arrow keys walk the lanes; left and right stay with the steps. */
  move(event) {
    const node = event.target.closest("[data-lane]");
    if (!node || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const column = this.columns[Number(node.dataset.position)];
    const next = column?.nodes[Number(node.dataset.lane) + (event.key === "ArrowUp" ? -1 : 1)];
    if (next) next.button.focus();
    event.preventDefault();
  }

  goOn(beam, position) {
    const { store } = this;
    if (!store.view.can_force) return;
    const chosen = this.path[position] === beam.node;
    if (chosen || beam.finished) return store.go(position);
    store.request({ type: "continue", node: beam.node }, `Going on from “${this.whole(store.branch, beam.node)}”`);
  }
}
