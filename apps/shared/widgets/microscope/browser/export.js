// Keeping things: each picture as SVG or PNG, the trace as JSON, the same result as a command line.

function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** A file name that says what it is of: title, branch, step, panel. */
function fileName(store, panel, ending) {
  const plain = (value) =>
    value
      .normalize("NFKD")
      .replace(/[^\w-]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40);
  const step = panel === "trace" ? "" : `-step${store.step + 1}`;
  return `${[store.view.title, store.branch.id, panel].map(plain).filter(Boolean).join("-")}${step}.${ending}`;
}

/** The small save sign of a panel with its two formats. */
function saveTool(store, element, panel) {
  const save = (format) => async () => {
    close();
    const picture = readShapes(element());
    const paper = getComputedStyle(element()).getPropertyValue("--paper") || "white";
    const blob =
      format === "svg" ? new Blob([asSvg(picture, paper)], { type: "image/svg+xml" }) : await asPng(picture, paper);
    download(blob, fileName(store, panel, format));
  };
  const menu = make(
    "div.menu",
    { hidden: true },
    make("button", { text: "SVG", "aria-label": `Save ${panel} as SVG`, onclick: save("svg") }),
    make("button", { text: "PNG", "aria-label": `Save ${panel} as PNG`, onclick: save("png") }),
  );
  const button = make(
    "button.save",
    {
      "aria-label": `Save this picture: ${panel}`,
      title: "save this picture",
      "aria-expanded": "false",
      onclick: () => (menu.hidden ? open() : close()),
    },
    icon("M8 2v8M4.8 7L8 10.2 11.2 7M3 13.5h10"),
  );
  const box = make("div.saving", { "data-unpictured": true }, button, menu);
  const open = () => {
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
  };
  const close = () => {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
  };
  box.addEventListener("focusout", (event) => !box.contains(event.relatedTarget) && close());
  box.addEventListener("keydown", (event) => event.key === "Escape" && (close(), button.focus()));
  return box;
}

class Footer {
  constructor(store, tour) {
    this.store = store;
    this.command = make("code", { tabindex: "0", "aria-label": "Command line" });
    this.copied = make("button.small", { text: "Copy", onclick: () => this.copy() });
    this.line = make(
      "div.command",
      {},
      make("span.label", { text: "Same result from the command line" }),
      make("div.codebox", {}, this.command, this.copied),
    );
    this.trace = make("button.link", { text: "the trace (JSON)", onclick: () => this.saveTrace() });
    this.facts = make("span.small.facts");
    const keys = [["←", "→"], "step", ["Home", "End"], "first, last", ["P"], "play", ["B"], "next version"];
    const hints = keys.map((key) =>
      Array.isArray(key)
        ? make("span", {}, ...key.map((name) => make("kbd", { text: name })))
        : make("span", { text: key }),
    );
    this.element = make(
      "footer",
      {},
      this.line,
      make(
        "div.lastline",
        {},
        make("span", { text: "Download " }),
        this.trace,
        make("button.link", { text: "how to read this", onclick: () => tour.open() }),
        this.facts,
        make("span.keys", {}, ...hints),
      ),
    );
  }

  build() {
    const { branch } = this.store;
    this.line.hidden = !branch.command;
    setText(this.command, branch.command);
    const time =
      branch.elapsed_ms === null
        ? ""
        : `decoded in ${branch.elapsed_ms < 10 ? branch.elapsed_ms.toFixed(1) : Math.round(branch.elapsed_ms)} ms`;
    setText(this.facts, time);
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.store.branch.command);
      this.copied.textContent = "Copied";
    } catch {
      // Only secure pages may write the clipboard: select the text so that the reader can.
      const selection = window.getSelection();
      selection.selectAllChildren(this.command);
      this.copied.textContent = "Selected";
    }
    setTimeout(() => (this.copied.textContent = "Copy"), 1600);
  }

  saveTrace() {
    const { store } = this;
    download(
      new Blob([JSON.stringify(store.branch.trace, null, 1)], { type: "application/json" }),
      fileName(store, "trace", "json"),
    );
  }
}
