// A guided first visit: five stops, offered once as a line, never forced on anybody.

const TOUR_KEY = "carrousel.microscope.toured";

const STOPS = [
  {
    panel: "stage",
    title: "Two sentences, no attention",
    says: "The model reads the upper line into one fixed-size state and writes the lower one from that alone. Ribbons show which words the current one leaned on; the rule under a word is its probability.",
  },
  {
    panel: "timeline",
    title: "Walk through it",
    says: "Drag, click a mark, or use the arrow keys; P plays. Hollow marks are steps where the model gave its word less than one half.",
  },
  {
    panel: "candidates",
    title: "Ask: what if?",
    says: "These are the words it weighed. Choose another: it is forced, the rest is decoded anew, and the new sentence stands beside the original.",
  },
  {
    panel: "tree",
    title: "What the search kept",
    says: "Each column holds the best beginnings. What fell below the cut is struck through, with its score. Choose a beginning to go on from there.",
  },
  {
    panel: "inside",
    title: "The memory itself",
    says: "One row a unit, one column a word: what each cell holds, and the gates that write, keep and show it. Open Carrousel to see each word written, carried, and forgotten. A click opens a unit; you can hold it and watch the sentence change.",
  },
];

class Tour {
  constructor(view) {
    this.view = view;
    this.title = make("h4");
    this.says = make("p");
    this.count = make("span.small");
    this.next = make("button.small.primary", { text: "Next", onclick: () => this.go(this.index + 1) });
    this.backButton = make("button.small", { text: "Back", onclick: () => this.go(this.index - 1) });
    const end = make("button.link", { text: "close", onclick: () => this.close() });
    this.card = make(
      "div.tourcard",
      { role: "dialog", "aria-label": "How to read this", tabindex: "-1", hidden: true, "data-unpictured": true },
      this.title,
      this.says,
      make("div.tourline", {}, this.count, end, this.backButton, this.next),
    );
    this.offer = make(
      "p.offer",
      {},
      make("span", { text: "New here?" }),
      make("button.link", { text: "See how to read it, in five stops", onclick: () => this.open() }),
      make("button.remove", { text: "×", "aria-label": "No tour", onclick: () => this.dismiss() }),
    );
    this.offer.hidden = this.seen();
  }

  seen() {
    try {
      return window.localStorage.getItem(TOUR_KEY) === "yes";
    } catch {
      return true; // a browser without storage would offer it at every visit
    }
  }

  dismiss() {
    this.offer.hidden = true;
    try {
      window.localStorage.setItem(TOUR_KEY, "yes");
    } catch {
      /* nothing to remember it in */
    }
  }

  open() {
    this.from = this.view.shadow.activeElement;
    this.stops = STOPS.filter((stop) => !this.view.panels[stop.panel].element.hidden);
    this.shown = true;
    this.card.hidden = false;
    this.go(0);
  }

  go(index) {
    if (index < 0) return;
    if (index >= this.stops.length) return this.close();
    this.index = index;
    const stop = this.stops[index];
    this.light?.classList.remove("lit");
    this.light = this.view.panels[stop.panel].element;
    this.light.classList.add("lit");
    setText(this.title, stop.title);
    setText(this.says, stop.says);
    setText(this.count, `${index + 1} of ${this.stops.length}`);
    setText(this.next, index === this.stops.length - 1 ? "Done" : "Next");
    this.backButton.disabled = index === 0;
    this.put();
    this.card.focus({ preventScroll: true });
  }

  /** Beside its panel, inside the widget. */
  put() {
    const root = this.view.root.getBoundingClientRect();
    const panel = this.light.getBoundingClientRect();
    const width = Math.min(340, root.width - 16);
    const left = Math.max(8, Math.min(root.width - width - 8, panel.left - root.left + 12));
    const below = Math.min(panel.height + 10, 330);
    this.card.style.cssText = `width:${width}px;transform:translate(${left}px,${panel.top - root.top + below}px)`;
    this.light.scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  }

  close() {
    this.shown = false;
    this.card.hidden = true;
    this.light?.classList.remove("lit");
    this.dismiss();
    this.from?.focus?.();
  }
}
