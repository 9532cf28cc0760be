// Pictures to keep: what a panel shows is read off the page as a list of shapes, then written as SVG or painted as PNG.

const MARGIN = 16;

/** The shapes of an element as it stands: {width, height, shapes}. */
function readShapes(element) {
  const box = element.getBoundingClientRect();
  const page = { left: box.left - MARGIN, top: box.top - MARGIN, shapes: [] };
  walkElement(element, page, 1, null);
  // A panel is as tall as its neighbours; its picture ends where its own content does.
  const bottom = Math.max(...[...element.children].map((child) => child.getBoundingClientRect().bottom));
  return {
    width: Math.ceil(box.width + 2 * MARGIN),
    height: Math.ceil(bottom - box.top + 2 * MARGIN),
    shapes: page.shapes,
  };
}

function walkElement(element, page, opacity, clip) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || element.hasAttribute("data-unpictured")) return;
  const seen = opacity * Number(style.opacity);
  if (seen < 0.01) return;
  const box = placed(element.getBoundingClientRect(), page);
  if (element instanceof SVGSVGElement) return walkDrawing(element, page, seen, overlap(clip, box, style));
  readBox(element, style, box, page, seen, clip);
  const inner = overlap(clip, box, style);
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) readText(child, style, page, seen, inner);
    else if (child.nodeType === Node.ELEMENT_NODE) walkElement(child, page, seen, inner);
  }
}

const placed = (rect, page) => ({
  x: rect.left - page.left,
  y: rect.top - page.top,
  width: rect.width,
  height: rect.height,
});

/** The region that children may paint in. */
function overlap(clip, box, style) {
  if (style.overflowX === "visible" && style.overflowY === "visible") return clip;
  // A line that only clips sideways lets labels stand above it.
  const own = style.overflowY === "visible" ? { x: box.x, y: -1e4, width: box.width, height: 1e5 } : box;
  if (!clip) return own;
  const [x, y] = [Math.max(clip.x, own.x), Math.max(clip.y, own.y)];
  const width = Math.min(clip.x + clip.width, own.x + own.width) - x;
  const height = Math.min(clip.y + clip.height, own.y + own.height) - y;
  return { x, y, width: Math.max(0, width), height: Math.max(0, height) };
}

const visible = (colour) => colour && colour !== "transparent" && !/^rgba\(.*,\s*0\)$|\/\s*0\)$/.test(colour);

function readBox(element, style, box, page, opacity, clip) {
  const radius = parseFloat(style.borderTopLeftRadius) || 0;
  if (visible(style.backgroundColor))
    page.shapes.push({ kind: "box", ...box, radius, fill: style.backgroundColor, opacity, clip });
  const widths = ["Top", "Right", "Bottom", "Left"].map((side) =>
    style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
  );
  if (widths.every((width) => width > 0)) {
    const half = widths[0] / 2;
    const inset = { x: box.x + half, y: box.y + half, width: box.width - 2 * half, height: box.height - 2 * half };
    if (visible(style.borderTopColor))
      page.shapes.push({ kind: "box", ...inset, radius, stroke: style.borderTopColor, line: widths[0], opacity, clip });
  } else {
    if (widths[0])
      page.shapes.push({
        kind: "box",
        ...box,
        height: widths[0],
        radius: 0,
        fill: style.borderTopColor,
        opacity,
        clip,
      });
    if (widths[2])
      page.shapes.push({
        kind: "box",
        ...box,
        y: box.y + box.height - widths[2],
        height: widths[2],
        radius: 0,
        fill: style.borderBottomColor,
        opacity,
        clip,
      });
  }
  if (element instanceof HTMLCanvasElement && element.width && element.height)
    page.shapes.push({
      kind: "image",
      ...box,
      source: element,
      smooth: style.imageRendering !== "pixelated",
      opacity,
      clip,
    });
  if (element instanceof HTMLImageElement)
    page.shapes.push({ kind: "image", ...box, source: element, smooth: true, opacity, clip });
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) {
    const value = element.selectedOptions ? element.selectedOptions[0]?.text || "" : element.value;
    writeText(
      value,
      { x: box.x + parseFloat(style.paddingLeft) + 1, y: box.y, width: box.width, height: box.height },
      style,
      page,
      opacity,
      clip,
    );
  }
}

const fontOf = (style) => `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;

/** A text node line by line, as the browser broke it. */
function readText(node, style, page, opacity, clip) {
  const whole = node.textContent;
  if (!whole.trim()) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()];
  if (rects.length <= 1) return rects[0] && writeText(whole, placed(rects[0], page), style, page, opacity, clip);
  let line = null;
  for (const word of whole.matchAll(/\S+\s*/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].trimEnd().length);
    const rect = placed(range.getBoundingClientRect(), page);
    if (line && Math.abs(line.rect.y - rect.y) < 3) line.text += word[0];
    else {
      if (line) writeText(line.text, line.rect, style, page, opacity, clip);
      line = { text: word[0], rect };
    }
  }
  if (line) writeText(line.text, line.rect, style, page, opacity, clip);
}

function writeText(value, rect, style, page, opacity, clip) {
  const font = fontOf(style);
  textWidth("x", font);
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = textProbe.measureText("x");
  const baseline = rect.y + (rect.height - up - down) / 2 + up;
  const content = value.replace(/\s+/g, " ");
  page.shapes.push({
    kind: "text",
    x: rect.x,
    y: baseline,
    text: content.trimEnd(),
    style,
    font,
    fill: style.color,
    anchor: "start",
    opacity,
    clip,
    long: textWidth(content.trimEnd(), font),
    struck: style.textDecorationLine.includes("line-through") ? rect.width : 0,
  });
}

function walkDrawing(svg, page, opacity, clip) {
  for (const element of svg.querySelectorAll("path,line,polyline,text")) {
    const style = getComputedStyle(element);
    if (style.display === "none" || element.closest("[style*='display: none']")) continue;
    const matrix = element.getScreenCTM();
    if (!matrix) continue;
    const place = [matrix.a, matrix.b, matrix.c, matrix.d, matrix.e - page.left, matrix.f - page.top];
    const seen = opacity * Number(style.opacity);
    if (element.tagName === "text") {
      const anchor = style.textAnchor;
      page.shapes.push({
        kind: "text",
        x: Number(element.getAttribute("x")),
        y: Number(element.getAttribute("y")),
        text: element.textContent,
        style,
        font: fontOf(style),
        fill: style.fill,
        anchor,
        opacity: seen,
        clip,
        matrix: place,
        struck: 0,
      });
      continue;
    }
    const d = outline(element);
    if (!d) continue;
    const stroke = visible(style.stroke) && style.stroke !== "none" ? style.stroke : null;
    const fillColour = visible(style.fill) && style.fill !== "none" && element.tagName !== "line" ? style.fill : null;
    const dash = style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat);
    const fixed = style.vectorEffect === "non-scaling-stroke";
    page.shapes.push({
      kind: "path",
      d,
      matrix: place,
      fill: fillColour,
      stroke,
      line: parseFloat(style.strokeWidth),
      dash,
      fixed,
      opacity: seen,
      clip,
    });
  }
}

function outline(element) {
  const number = (name) => Number(element.getAttribute(name) || 0);
  if (element.tagName === "path") return element.getAttribute("d");
  if (element.tagName === "line") return `M${number("x1")} ${number("y1")}L${number("x2")} ${number("y2")}`;
  return `M${(element.getAttribute("points") || "").trim().split(/\s+/).join("L")}`;
}

/** The picture as a standalone SVG text. */
function asSvg({ width, height, shapes }, paper) {
  const root = draw("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
  root.append(draw("rect", { width, height, fill: paper }));
  const clips = new Map();
  for (const shape of shapes) {
    const node = svgShape(shape);
    if (shape.opacity < 0.995) node.setAttribute("opacity", shape.opacity.toFixed(3));
    root.append(shape.clip ? draw("g", { "clip-path": `url(#${clipName(shape.clip, clips, root)})` }, node) : node);
  }
  return new XMLSerializer().serializeToString(root);
}

function clipName(clip, clips, root) {
  const key = [clip.x, clip.y, clip.width, clip.height].map(Math.round).join(" ");
  if (!clips.has(key)) {
    clips.set(key, `clip${clips.size}-${Math.random().toString(36).slice(2, 7)}`); // pictures may share one page
    root.prepend(
      draw(
        "clipPath",
        { id: clips.get(key) },
        draw("rect", { x: clip.x, y: clip.y, width: clip.width, height: clip.height }),
      ),
    );
  }
  return clips.get(key);
}

function svgShape(shape) {
  if (shape.kind === "box")
    return draw("rect", {
      x: shape.x,
      y: shape.y,
      width: shape.width,
      height: shape.height,
      rx: Math.min(shape.radius, shape.height / 2),
      fill: shape.fill || "none",
      stroke: shape.stroke,
      "stroke-width": shape.line,
    });
  if (shape.kind === "image")
    return draw("image", {
      x: shape.x,
      y: shape.y,
      width: shape.width,
      height: shape.height,
      preserveAspectRatio: "none",
      href: shape.source.toDataURL ? shape.source.toDataURL() : shape.source.src,
      style: shape.smooth ? "" : "image-rendering:pixelated",
    });
  const transform = shape.matrix ? `matrix(${shape.matrix.map((v) => v.toFixed(3)).join(" ")})` : null;
  if (shape.kind === "path")
    return draw("path", {
      d: shape.d,
      transform,
      fill: shape.fill || "none",
      stroke: shape.stroke || "none",
      "stroke-width": shape.line,
      "stroke-dasharray": shape.dash.join(" ") || null,
      "vector-effect": shape.fixed ? "non-scaling-stroke" : null,
    });
  const { style } = shape;
  return draw("text", {
    x: shape.x,
    y: shape.y,
    transform,
    fill: shape.fill,
    "text-anchor": shape.anchor,
    "font-family": style.fontFamily,
    "font-size": style.fontSize,
    "font-style": style.fontStyle,
    "font-weight": style.fontWeight,
    "text-decoration": shape.struck ? "line-through" : null,
    text: shape.text,
    // Where the page's faces are missing, words keep their width, and with it their place.
    textLength: shape.long ? shape.long.toFixed(1) : null,
    lengthAdjust: shape.long ? "spacingAndGlyphs" : null,
  });
}

/** The picture as a PNG blob, twice as fine as the screen's CSS pixels. */
function asPng({ width, height, shapes }, paper) {
  const canvas = make("canvas", { width: width * 2, height: height * 2 });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  for (const shape of shapes) {
    context.save();
    if (shape.clip) {
      context.beginPath();
      context.rect(shape.clip.x, shape.clip.y, shape.clip.width, shape.clip.height);
      context.clip();
    }
    context.globalAlpha = shape.opacity;
    if (shape.matrix) context.transform(...shape.matrix);
    paintShape(context, shape);
    context.restore();
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function paintShape(context, shape) {
  if (shape.kind === "box") {
    context.beginPath();
    context.roundRect(
      shape.x,
      shape.y,
      shape.width,
      shape.height,
      Math.min(shape.radius, shape.height / 2, shape.width / 2),
    );
    paintOutline(context, shape);
  } else if (shape.kind === "path") {
    const path = new Path2D(shape.d);
    context.setLineDash(shape.dash);
    paintOutline(context, shape, path);
  } else if (shape.kind === "image") {
    context.imageSmoothingEnabled = shape.smooth;
    context.drawImage(shape.source, shape.x, shape.y, shape.width, shape.height);
  } else {
    context.font = shape.font;
    context.textAlign = shape.anchor === "middle" ? "center" : shape.anchor;
    context.fillStyle = shape.fill;
    context.fillText(shape.text, shape.x, shape.y);
    if (shape.struck) context.fillRect(shape.x, shape.y - 4, shape.struck, 1);
  }
}

function paintOutline(context, shape, path) {
  if (shape.fill) {
    context.fillStyle = shape.fill;
    path ? context.fill(path) : context.fill();
  }
  if (!shape.stroke) return;
  context.strokeStyle = shape.stroke;
  context.lineWidth = shape.fixed && shape.matrix ? shape.line / Math.max(Math.abs(shape.matrix[0]), 0.01) : shape.line;
  path ? context.stroke(path) : context.stroke();
}
