// Draws the idea. Every text goes in as text; the picture is made anew when its data changes.

const element = (tag, className, text = "") => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
};

function words(list, label, side) {
  const box = element("div", `words ${side}`);
  box.append(element("div", "label", label));
  const line = element("p", "line");
  list.forEach((word, number) => {
    const span = element("span", "word", word);
    span.style.setProperty("--at", number / Math.max(list.length, 1));
    line.append(span, " ");
  });
  box.append(line);
  return box;
}

function grid(state) {
  const box = element("div", "state");
  const cells = element("div", "cells");
  const greatest = Math.max(0.05, ...state.values.map(Math.abs));
  state.values.forEach((value, number) => {
    const cell = element("i", value < 0 ? "minus" : "plus");
    cell.style.setProperty("--share", `${Math.round(100 * Math.sqrt(Math.abs(value) / greatest))}%`);
    cell.style.setProperty("--at", number / state.values.length);
    cells.append(cell);
  });
  box.append(element("b", "name", state.name), cells);
  return box;
}

function summary(states, note) {
  const box = element("div", "summary");
  const names = states.map((state) => state.name).join(", ");
  box.append(element("div", "label", "the state that crosses"));
  if (states.length) {
    states.forEach((state) => box.append(grid(state)));
    const units = states.map((state) => state.units).join(" + ");
    const part = states.some((state) => state.units > state.values.length) ? `; the first ${states[0].values.length} of each are drawn` : "";
    box.append(element("div", "count", `[${names}]: ${units} numbers${part}`));
  } else {
    const rest = (name) => ({ name, units: 0, values: Array(96).fill(0) });
    box.append(grid(rest("h")), grid(rest("c")), element("div", "count", "[h, c]: a fixed number of numbers"));
  }
  if (note) box.append(element("div", "count", note));
  return box;
}

function draw(data) {
  const figure = element("div", "idea");
  const said = data.target.length ? `, and from it alone “${data.target.join(" ")}” is written` : "";
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", `“${data.source.join(" ")}” becomes one state of fixed size${said}.`);
  figure.append(words(data.source, data.labels[0], "read"), element("div", "arrow"), summary(data.states, data.note));
  figure.append(element("div", "arrow"), words(data.target.length ? data.target : ["…"], data.labels[1], "written"));
  return figure;
}

const shown = new WeakMap();

export default function ({ data, parentElement }) {
  const stamp = JSON.stringify(data);
  if (shown.get(parentElement) !== stamp) {
    shown.set(parentElement, stamp);
    parentElement.querySelector(".idea")?.remove();
    parentElement.append(draw(data));
  }
}
