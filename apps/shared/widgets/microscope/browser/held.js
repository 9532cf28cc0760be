// What the cell still holds: of what each source word and each own word wrote into the cell, the share that is there now.

class Held {
  constructor(store) {
    this.store = store;
    const { head, note } = panelHead("What the cell still holds", "");
    this.head = head;
    this.note = note;
    this.list = make("ol.bars.holding");
    this.own = make("ol.bars.holding.ownwords");
    this.each = false;
    this.says = make("p.small.says");
    this.more = make("button.link", { "aria-expanded": "false", onclick: () => this.toggle() });
    this.element = make(
      "section.panel.held",
      { "aria-label": "What the cell still holds" },
      head,
      this.list,
      this.own,
      this.more,
      this.says,
    );
  }

  toggle() {
    this.each = !this.each;
    this.more.setAttribute("aria-expanded", String(this.each));
    this.build();
    this.step();
  }

  build() {
    const { branch, view } = this.store;
    this.rows = [];
    this.ownRows = [];
    this.table = this.read(branch, view);
    this.element.hidden = !this.table;
    if (!this.table) return;
    setText(this.note, "Pale: at its fullest. Solid: still there.");
    setText(this.says, this.table.says);
    const { units, steps, own } = this.table;
    this.rows = this.table.names.map((name) => this.row(name, name === "end"));
    setStyle(this.list, "--rows", String(this.rows.length));
    this.list.replaceChildren(...this.rows.map((row) => row.item));
    setClass(this.list, "many", units > 13);
    const ownNames = this.each
      ? branch.tokens.map((token, k) => tokenText(token, branch.pieces, k === 0))
      : ["own words"];
    this.ownRows = own ? ownNames.map((name) => this.row(name, !this.each)) : [];
    setStyle(this.own, "--rows", String(this.ownRows.length));
    this.own.replaceChildren(...this.ownRows.map((row) => row.item));
    setClass(this.own, "many", this.each && steps > 8);
    this.more.hidden = !own;
    setText(this.more, this.each ? "own words together" : "each own word");
    this.list.dir = "auto";
  }

  /** Shares as rows × steps: the derivative that Python measured, or else the forget gates of the shown layer. */
  read(branch, view) {
    const units = view.source.units.length;
    if (branch.held) {
      const own = branch.held.rows > units;
      const written = branch.written ? branch.written.data : null;
      return {
        data: branch.held.data,
        units,
        steps: branch.steps,
        own,
        written,
        names: view.source.units.map((unit) => unit.text),
        says: `${branch.held_note}.`,
      };
    }
    const stream = this.store.stream("target");
    if (!stream || !stream.keep) return null;
    const steps = branch.steps;
    const data = new Float32Array((1 + steps) * steps);
    data.set(startHeld(stream), 0);
    data.set(carrouselWithin(stream), steps);
    return {
      data,
      units: 1,
      steps,
      own: true,
      written: null,
      names: ["summary"],
      says: `Product of the ${stream.keep} gates of ${stream.name}.`,
    };
  }

  row(name, special) {
    const pale = make("i.pale");
    const solid = make("i.bar");
    const number = make("span.number");
    const label = make(`span.name${special ? ".special" : ""}`, { text: name, title: name, dir: "auto" });
    return { item: make("li", {}, label, make("span.track", {}, pale, solid), number), pale, solid, number, name };
  }

  step() {
    if (!this.table) return;
    const { step } = this.store;
    const { data, units, steps, written } = this.table;
    const strength = (row) => (written ? written[row] : 1);
    const share = (row) => data[row * steps + step];
    this.rows.forEach((row, k) => this.set(row, share(k), strength(k)));
    if (!this.ownRows.length) return;
    if (this.each) return this.ownRows.forEach((row, k) => this.set(row, share(units + k), strength(units + k)));
    let whole = 0;
    let left = 0;
    for (let k = 0; k <= step && units + k < data.length / steps; k++) {
      if (!share(units + k)) continue; // not read yet
      whole += strength(units + k);
      left += strength(units + k) * share(units + k);
    }
    this.set(this.ownRows[0], whole ? left / whole : 0, whole ? 1 : 0);
  }

  set(row, share, strength) {
    setStyle(row.pale, "transform", `scaleX(${strength.toFixed(3)})`);
    setStyle(row.solid, "transform", `scaleX(${(strength * share).toFixed(3)})`);
    setText(row.number, strength ? wholePercent(share) : "–");
  }
}
