// Small helpers for elements, colours and motion. Text goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** make("button.unit", {text, title, onclick, "aria-label"}, ...children) */
function make(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElement(tag), classes, properties, children);
}

function draw(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  return fill(document.createElementNS(SVG, tag), classes, properties, children);
}

function fill(element, classes, properties, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element[name] = value;
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it changed: most steps leave most texts alone. */
function setText(element, text) {
  if (element.lastText !== text) element.textContent = element.lastText = text;
}

function setClass(element, name, on) {
  const key = `has ${name}`;
  if (element[key] === on) return;
  element[key] = on;
  element.classList.toggle(name, on);
}

function setStyle(element, name, value) {
  const key = `style ${name}`;
  if (element[key] === value) return;
  element[key] = value;
  element.style.setProperty(name, value);
}

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

let colourProbe = null;

/** Any CSS colour as [r, g, b]; color-mix and oklab included, since a canvas resolves them. */
function rgb(colour) {
  colourProbe = colourProbe || new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  colourProbe.clearRect(0, 0, 1, 1);
  colourProbe.fillStyle = colour;
  colourProbe.fillRect(0, 0, 1, 1);
  return [...colourProbe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function luminance([r, g, b]) {
  const linear = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

const mix = (a, b, share) => a.map((value, k) => Math.round(value + (b[k] - value) * share));
const cssColour = ([r, g, b]) => `rgb(${r},${g},${b})`;

/** 256 colours from `from` to `to` as little-endian RGBA words, for image data. */
function ramp(from, to, size = 256) {
  const words = new Uint32Array(size);
  for (let k = 0; k < size; k++) {
    const [r, g, b] = mix(from, to, k / (size - 1));
    words[k] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return words;
}

let textProbe = null;

function textWidth(text, font) {
  textProbe = textProbe || new OffscreenCanvas(1, 1).getContext("2d");
  textProbe.font = font;
  return textProbe.measureText(text).width;
}

/** Cuts a text to a width with an ellipsis. */
function fitText(text, font, width) {
  if (textWidth(text, font) <= width) return text;
  let cut = [...text];
  while (cut.length > 1 && textWidth(`${cut.join("")}…`, font) > width) cut = cut.slice(0, -1);
  return `${cut.join("")}…`;
}

/** The head of a panel: its question, a line of help, and room for tools at the right. */
function panelHead(title, help, ...tools) {
  const note = make("p.help", { text: help });
  const head = make(
    "header",
    {},
    make("div.headline", {}, make("h3", { text: title }), make("div.tools", {}, ...tools)),
    note,
  );
  return { head, note };
}
