// Words coloured by tag. Every text goes in as text; choosing a word asks no server.

const NAMES = {
  ADJ: "adjective", ADP: "adposition", ADV: "adverb", AUX: "auxiliary", CCONJ: "coordinating conjunction",
  DET: "determiner", INTJ: "interjection", NOUN: "noun", NUM: "number", PART: "particle", PRON: "pronoun",
  PROPN: "proper noun", PUNCT: "punctuation", SCONJ: "subordinating conjunction", SYM: "symbol", VERB: "verb",
  X: "something else",
};
const FAMILY = {
  NOUN: "noun", PROPN: "noun", PRON: "noun", VERB: "verb", AUX: "verb", ADJ: "kind", ADV: "kind", NUM: "kind",
  ADP: "small-word", CCONJ: "small-word", DET: "small-word", PART: "small-word", SCONJ: "small-word",
};
const FAMILIES = [["noun", "nouns, pronouns"], ["verb", "verbs"], ["kind", "adjectives, adverbs, numbers"],
  ["small-word", "function words"], ["other", "the rest"]];
const READERS = [["forward", "→ up to here", "has read the word and all before it"],
  ["joint", "both sides", "has read the whole sentence"], ["backward", "← from here on", "has read the word and all after it"]];

const familyOf = (tag) => FAMILY[tag] || "other";
const percent = (share) => `${(100 * share).toFixed(1)}%`;

class TaggedView {
  constructor(parent) {
    this.line = make("div.line", { role: "group", "aria-label": "words with their tags", onkeydown: (e) => this.keys(e) });
    this.said = make("p.said", { "aria-live": "polite" });
    this.panels = make("div.panels");
    this.notices = make("div");
    this.command = make("code");
    this.key = make("div.key", {}, ...FAMILIES.map(([name, means]) =>
      make("span", {}, make(`span.swatch.${name}`), means)));
    const help = make("p.help", {
      text: "Above each word: what the reader from the left says; below: its tag by both sides, and what the reader " +
        "from the right says. A dashed frame: that reader alone would have said something else.",
    });
    this.root = make("div.microscope.tagged", {}, this.notices, this.line, this.key, this.said, this.panels, help,
      make("footer", {}, make("p.help", { text: "The same from the command line:" }), this.command));
    parent.append(this.root);
    this.at = 0;
  }

  update(data) {
    const paper = rgb(getComputedStyle(this.root).getPropertyValue("--paper"));
    this.root.dataset.theme = luminance(paper) < 0.25 ? "dark" : "light";
    const stamp = JSON.stringify(data);
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.data = data;
    this.tag = (verdict, word) => data.tags[data.verdicts[verdict][word][0][0]];
    this.notices.replaceChildren(...data.notices.map((text) => make("p.help", { text })));
    this.buttons = data.words.map((word, number) => this.button(word, number));
    this.line.replaceChildren(...this.buttons);
    setText(this.command, data.command);
    const split = data.words.findIndex((_, n) => this.tag("forward", n) !== this.tag("joint", n));
    this.choose(Math.max(0, split), false);
    this.address = new Address({ view: { address: data.address, branches: [null] }, branch: null, step: "" });
    this.address.touch();
  }

  button(word, number) {
    const joint = this.tag("joint", number);
    const side = (verdict, arrow) => {
      const tag = this.tag(verdict, number);
      return make(`span.tag.side${tag === joint ? "" : ".differs"}`, { text: `${arrow} ${tag}` });
    };
    const [forward, backward] = [this.tag("forward", number), this.tag("backward", number)];
    return make("button.word", {
      type: "button", onclick: () => this.choose(number, true),
      "aria-label": `${word}: ${joint}; from the left ${forward}, from the right ${backward}`,
    }, side("forward", "→"), make("span.text", { text: word }), make(`span.tag.joint.${familyOf(joint)}`, { text: joint }),
    side("backward", "←"));
  }

  choose(number, focus) {
    this.at = number;
    this.buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === number));
      button.tabIndex = k === number ? 0 : -1;
    });
    if (focus) this.buttons[number].focus();
    const joint = this.tag("joint", number);
    const others = READERS.filter(([name]) => name !== "joint" && this.tag(name, number) !== joint);
    const more = others.map(([name]) => `from the ${name === "forward" ? "left" : "right"} alone it would be ` +
      `${this.tag(name, number)} (${NAMES[this.tag(name, number)] || "tag"})`).join("; ");
    setText(this.said, `“${this.data.words[number]}” is ${joint} (${NAMES[joint] || "tag"})` +
      `${more ? `; ${more}.` : ", whichever side is read."}`);
    this.panels.replaceChildren(...READERS.map(([name, title, help]) => this.panel(name, title, help, number)));
  }

  panel(name, title, help, number) {
    const rows = this.data.verdicts[name][number].map(([tag, share]) => {
      const text = this.data.tags[tag];
      return make("div.bar", { title: NAMES[text] || text }, make("span", { text }),
        make("div.rail", {}, make(`div.fill.${familyOf(text)}`, { style: `width:${percent(share)}` })),
        make("span.number", { text: percent(share) }));
    });
    return make("section.panel", {}, make("h4", { text: title }), make("p.help", { text: help }), ...rows);
  }

  keys(event) {
    const last = this.buttons.length - 1;
    const to = { ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(Math.min(last, Math.max(0, to)), true);
  }

  stop() {
    this.address?.stop();
    this.root.remove();
  }
}

const taggedViews = new WeakMap();

export default ({ data, parentElement }) => {
  let view = taggedViews.get(parentElement);
  if (!view) taggedViews.set(parentElement, (view = new TaggedView(parentElement)));
  view.update(data);
  return () => {
    view.stop();
    taggedViews.delete(parentElement);
  };
};
