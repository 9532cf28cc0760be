// What could come next: the candidates of the shown hypothesis at this step. A click forces one.

const FEW = 10;

class Candidates {
  constructor(store) {
    this.store = store;
    this.rows = [];
    this.every = false;
    const { head, note } = panelHead("What could come next", "");
    this.note = note;
    this.doubt = make("p.small.doubtline");
    this.list = make("ol.bars");
    this.rest = make("div.rest", {}, (this.restName = make("span")), (this.restShare = make("span.number")));
    this.more = make("button.link", { "aria-expanded": "false", onclick: () => this.toggle() });
    this.element = make(
      "section.panel.candidates",
      { "aria-label": "What could come next" },
      head,
      this.list,
      this.rest,
      this.more,
      this.doubt,
    );
    this.head = head;
  }

  build() {
    setText(
      this.note,
      this.store.view.can_force
        ? "Choose a word to force it; the rest is decoded anew."
        : "The likeliest words, with their probabilities.",
    );
  }

  toggle() {
    this.every = !this.every;
    this.more.setAttribute("aria-expanded", String(this.every));
    this.step();
  }

  row(index) {
    const name = make("span.name", { dir: "auto" });
    const bar = make("i.bar");
    const hint = make("span.hint", { text: "force", "aria-hidden": "true" });
    const number = make("span.number");
    const button = make(
      "button.candidate",
      { onclick: () => this.force(index) },
      name,
      make("span.track", {}, bar),
      hint,
      number,
    );
    const item = make("li", {}, button);
    this.list.append(item);
    return (this.rows[index] = { item, button, name, bar, number });
  }

  step() {
    const { branch, step, view, pending } = this.store;
    const at = branch.at[step];
    this.shown = this.choices(at);
    setStyle(this.list, "--rows", String(this.shown.length));
    this.rows.forEach((row, k) => (row.item.hidden = k >= this.shown.length));
    this.shown.forEach((choice, k) =>
      this.fillRow(this.rows[k] || this.row(k), choice, at, view.can_force && !pending),
    );
    const rest = at.expansion?.rest;
    this.rest.hidden = !rest;
    const listed = at.candidates.slice(this.shown.filter((choice) => !choice.apart).length);
    const hidden = listed.reduce((sum, candidate) => sum + Math.exp(candidate.log_prob), 0);
    if (rest) {
      setText(this.restName, `${grouped(rest.count + listed.length)} others together`);
      setText(this.restShare, percent(rest.probability + hidden));
    }
    this.more.hidden = at.candidates.length <= FEW;
    setText(this.more, this.every ? "show fewer" : `show ${at.candidates.length}`);
    setText(this.doubt, at.entropy === null ? "" : doubtText(at));
  }

  /** The first ten (or all), and the chosen one even where it stands further down. */
  choices(at) {
    const few = this.every ? at.candidates : at.candidates.slice(0, FEW);
    const shown = few.map((candidate, k) => ({ ...candidate, rank: k + 1, chosen: candidate.id === at.id }));
    if (shown.some((choice) => choice.chosen) || at.probability === null) return shown;
    const token = this.store.branch.tokens[at.position];
    return [
      ...shown,
      { id: at.id, text: token, log_prob: Math.log(at.probability), rank: at.rank, chosen: true, apart: true },
    ];
  }

  fillRow(row, choice, at, open) {
    const probability = Math.exp(choice.log_prob);
    const label = tokenText(choice.text, this.store.branch.pieces, false);
    setText(row.name, label);
    setClass(row.name, "special", isSpecial(choice.text));
    setStyle(row.bar, "transform", `scaleX(${probability.toFixed(4)})`);
    setText(row.number, percent(probability));
    setClass(row.button, "chosen", choice.chosen);
    setClass(row.button, "apart", Boolean(choice.apart));
    const action = choice.chosen ? "written here" : open ? "force it" : "";
    setAttribute(
      row.button,
      "aria-label",
      `${label}, ${percent(probability)}, rank ${choice.rank}${action ? `, ${action}` : ""}`,
    );
    setAttribute(row.button, "aria-disabled", String(choice.chosen || !open));
  }

  force(index) {
    const choice = this.shown[index];
    if (choice.chosen || !this.store.view.can_force) return;
    const { step } = this.store;
    const name = tokenText(choice.text, this.store.branch.pieces, false);
    this.store.request(
      { type: "force", position: step, token_id: choice.id },
      `Writing ‘${name}’ at ${step + 1} and decoding the rest anew`,
    );
  }
}

/** Entropy in words: e^H equally likely words would be as undecided. */
function doubtText(at) {
  const among = Math.exp(at.entropy);
  const rank =
    at.rank === null ? "" : ` The chosen word is ${at.rank === 1 ? "the likeliest" : `number ${grouped(at.rank)}`}.`;
  return `Entropy ${at.entropy.toFixed(2)} nats: as undecided as between ${among < 10 ? among.toFixed(1) : grouped(among)} equal words.${rank}`;
}
