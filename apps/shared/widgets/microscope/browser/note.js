// The margin note: what this step did, in three sentences; a screen reader is told the same.

class Note {
  constructor(store) {
    this.store = store;
    this.place = make("p.place");
    this.lines = [make("p"), make("p"), make("p")];
    this.more = make("p.small");
    this.element = make("aside.note", { "aria-label": "What this step did" }, this.place, ...this.lines, this.more);
    this.spoken = make("div.unseen", { "aria-live": "polite", role: "status" });
    this.known = null;
  }

  build() {
    this.cache = [];
  }

  step() {
    const { branch, step } = this.store;
    setText(this.place, `Step ${step + 1} of ${branch.steps}`);
    const sentences = (this.cache[step] ||= this.sentences(branch, step));
    if (this.known !== sentences) {
      this.lines.forEach((line, k) =>
        line.replaceChildren(...(sentences[k] || []).map((part) => part.cloneNode(true))),
      );
      this.known = sentences;
    }
    const asides = [branch.parent ? "" : this.store.view.summary_note, ...branch.notes];
    setText(this.more, asides.filter(Boolean).join(" "));
    clearTimeout(this.timer);
    // Said once the reader rests: while it plays, every step would interrupt the one before.
    this.timer = setTimeout(() => setText(this.spoken, this.say(sentences, step)), 350);
  }

  say(sentences, step) {
    const text = sentences.map((parts) => parts.map((part) => part.textContent).join("")).join(" ");
    return `Step ${step + 1} of ${this.store.branch.steps}. ${text}`;
  }

  sentences(branch, step) {
    return [this.wrote(branch, step), this.leaned(branch, step), this.holds(branch, step)].filter(
      (parts) => parts.length,
    );
  }

  wrote(branch, step) {
    const at = branch.at[step];
    const word = [make("i.said", { text: spokenToken(branch, step) })];
    const share = at.probability === null ? [] : [text(" with "), make("b", { text: percent(at.probability) })];
    const rank = at.rank;
    const behind = rank > 1 ? [text(`, its ${ordinal(rank)} choice`)] : [];
    if (at.forcedHere)
      return [
        text("You forced "),
        ...word,
        ...(share.length ? [text(", which had "), share[1]] : []),
        ...behind,
        text("."),
      ];
    if (at.forced) return [text("Kept as given: "), ...word, ...share, text(".")];
    const why =
      rank > 1 && branch.trace.settings.method === "beam" ? " here; the whole sentence scored better with it" : "";
    return [text("It wrote "), ...word, ...share, ...behind, text(`${why}.`)];
  }

  leaned(branch, step) {
    const top = leanings(branch, step)
      .filter((entry) => entry.share >= 0.12)
      .slice(0, 2);
    if (!top.length) return [];
    const parts = top.flatMap((entry, k) => [
      text(k ? " and " : ""),
      make("i.said", { text: this.store.view.source.units[entry.unit].text }),
      text(" ("),
      make("b", { text: wholePercent(entry.share) }),
      text(")"),
    ]);
    return [text("It leaned on "), ...parts, text(".")];
  }

  holds(branch, step) {
    if (!branch.held) return [];
    const unit = branch.saliency ? leanings(branch, step)[0].unit : 0;
    const share = branch.held.data[unit * branch.held.columns + step];
    return [
      text("Of what the cell stored at "),
      make("i.said", { text: this.store.view.source.units[unit].text }),
      text(", "),
      make("b", { text: wholePercent(share) }),
      text(" is left."),
    ];
  }
}

const text = (value) => document.createTextNode(value);

function spokenToken(branch, step) {
  const token = branch.tokens[step];
  return token === "</s>" ? "end of sentence" : tokenText(token, branch.pieces, step === 0);
}

/** Source units by how much the step leaned on them, most first. */
function leanings(branch, step) {
  if (!branch.saliency) return [];
  branch.leaned = branch.leaned || [];
  if (branch.leaned[step]) return branch.leaned[step];
  const { data, columns } = branch.saliency;
  const row = [...data.subarray(step * columns, (step + 1) * columns)].map((share, unit) => ({ unit, share }));
  return (branch.leaned[step] = row.sort((a, b) => b.share - a.share));
}
