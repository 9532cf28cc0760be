// The address: the page's parameters, the step and the branch. The browser is its only writer; nothing is sent for it.

const ADDRESS_MS = 250;

class Address {
  constructor(store) {
    this.store = store;
  }

  /** Writes a moment after the last change, so that playing does not flood the history. */
  touch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), ADDRESS_MS);
  }

  write() {
    const { view, branch, step } = this.store;
    if (!view) return;
    const query = new URLSearchParams(window.location.search);
    const put = (name, value) => (value === "" ? query.delete(name) : query.set(name, value));
    for (const [name, value] of Object.entries(view.address)) put(name, value);
    put("step", String(step));
    put("branch", branch === view.branches[0] ? "" : branch.id);
    const next = `${window.location.pathname}?${query}${window.location.hash}`;
    if (next !== `${window.location.pathname}${window.location.search}${window.location.hash}`)
      window.history.replaceState(window.history.state, "", next);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
