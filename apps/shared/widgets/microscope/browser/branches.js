// Whole sentences side by side: the original and what became of it. Room for a second line is kept from the start.

class Branches {
  constructor(store) {
    this.store = store;
    this.list = make("ol.branches");
    this.status = make("p.status", { role: "status" });
    this.element = make("section.versions", { "aria-label": "Versions of the answer" }, this.list, this.status);
  }

  build() {
    const { view, branch } = this.store;
    const rows = view.branches.map((entry) => this.row(entry, entry === branch));
    const hint = view.can_force ? "Choose another word below: the sentence it leads to will stand here." : "";
    if (rows.length === 1) rows.push(make("li.hint", {}, make("span.label"), make("span", { text: hint })));
    this.list.replaceChildren(...rows);
    this.tell();
  }

  row(entry, open) {
    if (!entry.ready) prepareBranch(entry, this.store.view);
    const parent = this.store.view.branches.find((other) => other.id === entry.parent);
    const score = entry.hypothesis.normalized;
    const choose = make(
      "button.version",
      {
        "aria-pressed": String(open),
        "aria-label": `${entry.label}: ${sentence(entry.tokens, entry.pieces)}; score ${signed(score)}`,
        onclick: () => this.store.choose(entry),
      },
      make("span.label", { text: entry.label, title: entry.label }),
      this.sentence(entry, parent),
      make("span.number", { text: signed(score) }),
    );
    const remove = parent
      ? make("button.remove", {
          text: "×",
          "aria-label": `Remove ${entry.label}`,
          title: "remove",
          onclick: () => this.remove(entry),
        })
      : make("span.remove");
    return make(`li${open ? ".open" : ""}`, {}, choose, remove);
  }

  /** The sentence with what differs from its parent in full ink and the forced word coloured. */
  sentence(entry, parent) {
    const line = make("span.sentence", { dir: "auto" });
    const same = parent ? commonStart(entry.tokens, parent.tokens) : entry.tokens.length;
    groupWords(entry.tokens, entry.pieces).forEach((word, index) => {
      const token = entry.tokens[word.tokens[0]];
      if (isSpecial(token) && token === "</s>") return;
      const forced = entry.token_id !== null && word.tokens.includes(entry.position);
      const differs = parent && word.tokens[word.tokens.length - 1] >= same;
      const kind = forced ? "b.forced" : differs ? "b" : "span";
      line.append(index ? " " : "", make(kind, { text: word.tokens.map((k) => pieceText(entry.tokens[k])).join("") }));
    });
    return line;
  }

  remove(entry) {
    this.store.request({ type: "undo", branch: entry.id }, `Removing ${entry.label}`);
  }

  tell() {
    const { pending, problem } = this.store;
    setText(this.status, pending ? `${pending.label} …` : problem);
    setClass(this.status, "trouble", Boolean(problem));
  }
}

function commonStart(a, b) {
  let k = 0;
  while (k < a.length && k < b.length && a[k] === b[k]) k++;
  return k;
}
