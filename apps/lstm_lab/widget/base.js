// Small helpers that every drawing of the lab shares: elements, numbers, the stepper, downloads, life cycle.

const MINUS = "−"
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" }

/** A number as the house prints it: a true minus, two decimals, powers of ten where two decimals would say nothing. */
function number(value, digits = 2) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : Number.isNaN(value) ? "–" : MINUS + "∞"
  const size = Math.abs(value)
  if (size >= 1e5 || (size > 0 && size < 0.5 * 10 ** -digits)) {
    const [mantissa, exponent] = value.toExponential(digits > 1 ? 1 : 0).split("e")
    const raised = [...exponent.replace("+", "")].map((c) => SUPERSCRIPT[c]).join("")
    return `${mantissa.replace("-", MINUS)}·10${raised}`
  }
  return value.toFixed(size >= 100 ? Math.min(digits, 1) : digits).replace("-", MINUS)
}

/** A gate or a state of the live cell: two decimals always, so that columns of numbers stand still. */
const fixed = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", MINUS)
const signed = (value) => (value >= 0 ? "+" : "") + fixed(value)
const percent = (share) => `${Math.round(100 * share)}%`
const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** An HTML element; children are elements or plain text, never markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value)
    else if (value === true) made.setAttribute(name, "")
    else if (value !== false && value != null) made.setAttribute(name, value)
  }
  made.append(...children.flat())
  return made
}

/** Play, back and forward with a scrubber: a native range input, so that every key and every reader knows it. */
class Stepper {
  constructor(name, onStep, pace = 700) {
    Object.assign(this, { onStep, pace, step: 0, count: 1, timer: null, name })
    this.back = element("button", { class: "icon", type: "button", "aria-label": `${name}: back one step`, onclick: () => this.go(this.step - 1) }, "‹")
    this.play = element("button", { class: "icon play", type: "button", "aria-label": `${name}: play`, onclick: () => this.toggle() }, "▶")
    this.next = element("button", { class: "icon", type: "button", "aria-label": `${name}: forward one step`, onclick: () => this.go(this.step + 1) }, "›")
    this.range = element("input", { type: "range", min: 0, step: 1, "aria-label": name, oninput: () => this.go(Number(this.range.value)) })
    this.ticks = element("div", { class: "ticks", "aria-hidden": "true" })
    this.where = element("span", { class: "where" })
    this.element = element("div", { class: "stepper" }, this.back, this.play, this.next, element("div", { class: "track" }, this.ticks, this.range), this.where)
  }

  /** Set how many steps there are, keep the step within them, and say nothing. */
  resize(count, step = this.step) {
    this.count = count
    this.range.max = count - 1
    this.ticks.replaceChildren(...(count <= 60 ? Array.from({ length: count }, () => element("i")) : []))
    this.step = Math.max(0, Math.min(count - 1, step))
    this.show()
  }

  go(step) {
    this.pause()
    this.set(step)
  }

  set(step) {
    const kept = Math.max(0, Math.min(this.count - 1, step))
    if (kept === this.step) return
    this.step = kept
    this.show()
    this.onStep(kept)
  }

  show() {
    this.range.value = this.step
    this.range.style.setProperty("--done", this.count > 1 ? this.step / (this.count - 1) : 0)
    this.range.setAttribute("aria-valuetext", `step ${this.step + 1} of ${this.count}`)
    this.where.textContent = `${this.step + 1} / ${this.count}`
    this.back.disabled = this.step === 0
    this.next.disabled = this.step === this.count - 1
  }

  toggle() {
    if (this.timer) return this.pause()
    if (this.step === this.count - 1) this.set(0)
    this.play.textContent = "❚❚"
    this.play.setAttribute("aria-label", `${this.name}: pause`)
    this.timer = setInterval(() => {
      this.set(this.step + 1)
      if (this.step === this.count - 1) this.pause()
    }, this.pace)
  }

  pause() {
    clearInterval(this.timer)
    this.timer = null
    this.play.textContent = "▶"
    this.play.setAttribute("aria-label", `${this.name}: play`)
  }
}

/** A labelled slider. `onInput` gets the number; `show` says how the number is written. */
function slider({ label, min, max, step, value, className = "", show = fixed, onInput }) {
  const output = element("output", {}, show(value))
  const text = element("span", { class: "name" })
  text.innerHTML = label // our own labels, with <i> and <sub>; never what a user typed
  const range = element("input", { type: "range", min, max, step, value, "aria-label": text.textContent, class: className })
  const paint = () => {
    output.textContent = show(Number(range.value))
    range.style.setProperty("--done", (range.value - min) / (max - min))
    range.setAttribute("aria-valuetext", show(Number(range.value)))
  }
  range.addEventListener("input", () => {
    paint()
    onInput(Number(range.value))
  })
  paint()
  const made = element("label", { class: `slider ${className}` }, text, range, output)
  made.set = (next) => {
    range.value = next
    paint()
  }
  return made
}

/** A row of choices of which one holds, as radio buttons. */
function choices(name, options, chosen, onChoose) {
  const group = element("div", { class: "choices", role: "radiogroup", "aria-label": name })
  const buttons = options.map(([key, text]) =>
    element("button", { type: "button", role: "radio", "data-key": key, onclick: () => (group.set(key), onChoose(key)) }, text),
  )
  group.set = (key) =>
    buttons.forEach((b) => {
      b.setAttribute("aria-checked", String(b.dataset.key === key))
      b.tabIndex = b.dataset.key === key ? 0 : -1
    })
  group.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!move) return
    event.preventDefault()
    const at = buttons.indexOf(event.target)
    const next = buttons[(at + move + buttons.length) % buttons.length]
    next.focus()
    next.click()
  })
  group.append(...buttons)
  group.set(chosen)
  // When none holds (the user moved a slider), the first can still be reached by Tab.
  if (!buttons.some((b) => b.tabIndex === 0)) buttons[0].tabIndex = 0
  return group
}

// ---- SVG, written as text: only our own words and numbers go in, and names that a user typed by escapeText ----

const line = (x1, y1, x2, y2, cls, width = 1.5) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${cls}" stroke-width="${width}"/>`
const text = (x, y, words, cls = "", anchor = "start") => `<text x="${x}" y="${y}" class="${cls}" text-anchor="${anchor}">${words}</text>`
const circle = (x, y, r, cls, more = "") => `<circle cx="${x}" cy="${y}" r="${r}" class="${cls}" ${more}/>`

function head(x, y, angle, cls, size = 6) {
  const point = (turn, length) => `${(x + length * Math.cos(angle + turn)).toFixed(1)},${(y + length * Math.sin(angle + turn)).toFixed(1)}`
  return `<polygon points="${x},${y} ${point(Math.PI - 0.45, size)} ${point(Math.PI + 0.45, size)}" class="head ${cls}"/>`
}
const arrow = (x1, y1, x2, y2, cls, width = 1.5) =>
  line(x1, y1, x2, y2, cls, width) + head(x2, y2, Math.atan2(y2 - y1, x2 - x1), cls, 5 + width)
const path = (d, cls, width = 1.5) => `<path d="${d}" class="${cls}" fill="none" stroke-width="${width}"/>`

function polyline(points, cls, width = 2) {
  return `<polyline points="${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")}" class="${cls}" fill="none" stroke-width="${width}"/>`
}

const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-style", "font-weight", "text-anchor"]

/** Hand a drawing out as an SVG file that keeps its colours outside this page. */
function downloadDrawing(drawing, name) {
  const copy = drawing.cloneNode(true)
  const from = [drawing, ...drawing.querySelectorAll("*")]
  const to = [copy, ...copy.querySelectorAll("*")]
  from.forEach((node, k) => {
    const style = getComputedStyle(node)
    for (const property of PAINT) to[k].style.setProperty(property, style.getPropertyValue(property))
  })
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg")
  const host = getComputedStyle(drawing.closest(".lab"))
  copy.style.setProperty("background", host.getPropertyValue("--paper"))
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }))
  const link = element("a", { href: url, download: `${name}.svg` })
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}

const downloadButton = (find, name) =>
  element("button", { class: "quiet", type: "button", "aria-label": `download picture: ${name}`, onclick: () => downloadDrawing(find(), name) }, "download picture")

/** A colour of the theme may come as anything CSS allows; one pixel of canvas says how bright it is. */
function isDark(root) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  pen.fillStyle = getComputedStyle(root).getPropertyValue("--st-background-color").trim() || "#fff"
  pen.fillRect(0, 0, 1, 1)
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data
  return 0.299 * r + 0.587 * g + 0.114 * b < 128
}

/** Write one setting into the address, a while after the last change; the rest of the address stays. */
function rememberInAddress(name) {
  let timer = null
  return (value) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const address = new URL(window.location.href)
      if (value === null) address.searchParams.delete(name)
      else address.searchParams.set(name, value)
      window.history.replaceState(window.history.state, "", address)
    }, 300)
  }
}
const fromAddress = (name) => new URL(window.location.href).searchParams.get(name)

/**
 * Streamlit runs the default export again at every change of data or theme, on the same root: keep one view for each root.
 */
function mounted(View) {
  const views = new WeakMap()
  return ({ data, parentElement, setTriggerValue }) => {
    let view = views.get(parentElement)
    if (!view) {
      const root = element("div", { class: "lab" })
      parentElement.append(root)
      view = new View(root, setTriggerValue)
      views.set(parentElement, view)
      // Widths are read once per resize, never while drawing.
      view.watch = new ResizeObserver(([entry]) => {
        const width = Math.round(entry.contentRect.width)
        if (width && width !== view.width) {
          view.width = width
          if (view.data) view.draw()
        }
      })
      view.watch.observe(root)
      view.width = Math.round(root.clientWidth) || 900
      view.root = root
    }
    view.root.classList.toggle("dark", isDark(view.root))
    const changed = JSON.stringify(data)
    if (changed !== view.seen) {
      view.seen = changed
      view.data = data
      view.update(data)
    }
    view.draw()
    return () => {
      view.watch.disconnect()
      if (view.stepper) view.stepper.pause()
      views.delete(parentElement)
      view.root.remove()
    }
  }
}
