// Puts the panels together. Streamlit calls the default export again at every change of data or theme, on the same root.

class MicroscopeWidget {
  static active = null;

  constructor(shadow) {
    this.shadow = shadow;
    this.store = new Store((message) => this.send("request", message));
    const { store } = this;
    const panels = {
      note: new Note(store),
      stage: new Stage(store),
      branches: new Branches(store),
      timeline: new Timeline(store),
      candidates: new Candidates(store),
      tree: new Tree(store),
      held: new Held(store),
      inside: new Inside(store),
    };
    panels.unit = new UnitPanel(store, panels.inside);
    this.panels = panels;
    this.timeline = panels.timeline;
    this.tour = new Tour(this);
    panels.footer = new Footer(store, this.tour);
    this.address = new Address(store);
    this.abort = new AbortController();
    this.root = this.assemble(panels);
    shadow.append(this.root);
    this.listen();
  }

  assemble(panels) {
    const { store } = this;
    const tool = (panel, name) => saveTool(store, () => panel.element, name);
    for (const [name, label] of [
      ["candidates", "candidates"],
      ["tree", "search"],
      ["held", "held"],
      ["inside", "inside"],
    ])
      panels[name].head.querySelector(".tools").append(tool(panels[name], label));
    panels.unit.element.querySelector(".unithead").append(tool(panels.unit, "unit"));
    panels.stage.what.append(tool(panels.stage, "sentences"));
    panels.inside.element.append(panels.unit.element);
    const top = make(
      "div.top",
      {},
      make("div.theatre", {}, panels.stage.element, panels.branches.element),
      panels.note.element,
    );
    const trio = make("div.trio", {}, panels.candidates.element, panels.tree.element, panels.held.element);
    return make(
      "div.microscope",
      { role: "group", "aria-label": "Decoding microscope" },
      this.tour.offer,
      top,
      panels.timeline.element,
      trio,
      panels.inside.element,
      panels.footer.element,
      panels.note.spoken,
      this.tour.card,
    );
  }

  listen() {
    const { store, panels } = this;
    const built = [
      panels.note,
      panels.stage,
      panels.branches,
      panels.timeline,
      panels.candidates,
      panels.tree,
      panels.held,
      panels.inside,
      panels.unit,
      panels.footer,
    ];
    store.on("branch", () => built.forEach((panel) => panel.build()));
    const stepped = [
      panels.timeline,
      panels.stage,
      panels.note,
      panels.candidates,
      panels.tree,
      panels.held,
      panels.inside,
      panels.unit,
    ];
    store.on("step", () => {
      stepped.forEach((panel) => panel.step());
      this.address.touch();
    });
    store.on("inside", () => {
      panels.inside.refresh();
      panels.unit.step();
    });
    store.on("status", () => {
      panels.branches.build();
      panels.candidates.step();
      panels.unit.step();
      setClass(this.root, "waiting", Boolean(store.pending));
      this.root.setAttribute("aria-busy", String(Boolean(store.pending)));
    });
    this.observeWidth();
    this.root.addEventListener("pointerdown", () => (MicroscopeWidget.active = this), { signal: this.abort.signal });
    MicroscopeWidget.active ||= this;
    listenForKeys(this, this.abort.signal);
  }

  /** Widths are read when they change, and never while stepping. */
  observeWidth() {
    let known = 0;
    this.observer = new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (!width || width === known || !this.store.view) return;
      known = width;
      this.measure();
    });
    this.observer.observe(this.root);
    // Streamlit's faces may arrive after the first drawing, and every word then has another width.
    document.fonts?.addEventListener("loadingdone", () => this.store.view && this.measure(), {
      signal: this.abort.signal,
    });
  }

  measure() {
    const { stage, timeline, tree, inside } = this.panels;
    stage.shown = null;
    [stage, timeline, tree, inside].forEach((panel) => panel.measure());
    this.store.tell("step");
  }

  /** Reads Streamlit's theme; the gates keep the house's palette. */
  readTheme() {
    const style = getComputedStyle(this.root);
    const paper = rgb(style.getPropertyValue("--paper"));
    const dark = luminance(paper) < 0.25;
    const accent = rgb(style.getPropertyValue("--accent"));
    const stamp = `${paper} ${accent}`;
    if (stamp === this.themeStamp) return false;
    this.themeStamp = stamp;
    this.root.dataset.theme = dark ? "dark" : "light";
    this.root.style.setProperty("--on-accent", luminance(accent) > 0.3 ? "#17130f" : "#ffffff");
    const themed = getComputedStyle(this.root);
    const colours = { paper };
    for (const name of ["input", "forget", "output", "cell", "negative"])
      colours[name] = rgb(themed.getPropertyValue(`--${name}`));
    this.panels.inside.setColours(colours);
    return true;
  }

  update({ data, setTriggerValue }) {
    this.send = (name, message) => setTriggerValue(name, message);
    const repainted = this.readTheme();
    if (data !== this.data) {
      const view = readPayload(data);
      this.data = data;
      if (!view) return this.send("request", { type: "resend", id: `resend ${performance.now()}` });
      this.store.take(view);
    } else if (repainted && this.store.view) this.panels.inside.measure();
    if (repainted && this.store.view) this.store.tell("step");
  }

  stop() {
    this.panels.timeline.play(false);
    this.abort.abort();
    this.observer.disconnect();
    this.address.stop();
    if (MicroscopeWidget.active === this) MicroscopeWidget.active = null;
  }
}

const widgets = new WeakMap();

export default function (component) {
  const place = component.parentElement;
  let widget = widgets.get(place);
  if (!widget) widgets.set(place, (widget = new MicroscopeWidget(place)));
  widget.update(component);
  return () => {
    widget.stop();
    widget.root.remove();
    widgets.delete(place);
  };
}
