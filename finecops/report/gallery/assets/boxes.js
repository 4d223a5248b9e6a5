// Boxes over pictures, as SVG: one colour and line for each kind of box, and switches that hide a kind.

// Colours that people with any common colour blindness tell apart (Okabe and Ito, 2008), light enough for pictures.
const COLOURS = {
  truth: "#00b884",
  specialist: "#4fb3f0",
  mllm: "#f0a500",
  sfa: "#d98ab8",
  crs: "#ff7043",
  candidates: "#f5ec5a",
  router: "#c9c9c9",
};
const OTHERS = ["#8fa8ff", "#b6d957", "#ff9fb2", "#7fdbda", "#d8b58a", "#bcbcff"];
const LINES = { truth: "", candidates: "2 3", router: "1 3" };
const DASHES = ["7 3", "10 3 2 3", "4 2", "12 4", "6 2 2 2 2 2"];

const kinds = new Map(); // name → { title, colour, dash }; a method's name is "m" and its number
const hidden = new Set(["candidates", "router"]);

function makeKinds() {
  kinds.set("truth", { title: "Truth", colour: COLOURS.truth, dash: LINES.truth, key: "t" });
  const taken = new Set();
  const others = OTHERS.values();
  data.methods.forEach((method, index) => {
    // The first method of a kind has the colour of its kind, the others another one.
    const own = COLOURS[method.method] && !taken.has(method.method) ? COLOURS[method.method] : null;
    taken.add(method.method);
    const colour = own ?? others.next().value ?? OTHERS[index % OTHERS.length];
    kinds.set(`m${index}`, {
      title: method.short,
      whole: method.label,
      colour,
      dash: DASHES[index % DASHES.length],
      key: index < 9 ? String(index + 1) : "",
    });
  });
  kinds.set("candidates", { title: "Candidates", colour: COLOURS.candidates, dash: LINES.candidates, key: "c" });
  kinds.set("router", { title: "Router", colour: COLOURS.router, dash: LINES.router, key: "r" });
}

// A sample of the line, to stand before a name.
function swatch(kind) {
  const { colour, dash } = kinds.get(kind);
  const line = svg("svg", { class: "fc-swatch", viewBox: "0 0 18 12", "aria-hidden": "true" });
  line.append(
    svg("rect", { x: 0, y: 0, width: 18, height: 12, rx: 3, class: "fc-swatch-ground" }),
    svg("line", { x1: 2, y1: 6, x2: 16, y2: 6, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash }),
  );
  return line;
}

function placeOf([left, top, right, bottom]) {
  return { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
}

function ofKind(kind, ...children) {
  const group = svg("g", { "data-kind": kind }, ...children);
  group.toggleAttribute("hidden", hidden.has(kind));
  return group;
}

// The size of a picture. Of an imported run it may be unknown (0): then all boxes are in the frame.
function sizeOf(row, boxes) {
  if (data.width[row] && data.height[row]) return [data.width[row], data.height[row]];
  const there = boxes.filter(([, box]) => box);
  return [2, 3].map((side) => 1.04 * Math.max(1, ...there.map(([, box]) => box[side])));
}

// Boxes in the coordinates of the picture; boxes: [kind, xyxy, label] triples. Dark lines lie below all coloured ones,
// so that these are seen on any picture; where boxes agree, each is seen in the gaps of the next one's line.
function overlay(row, boxes) {
  const [width, height] = sizeOf(row, boxes);
  const drawing = svg("svg", { class: "fc-boxes", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const there = boxes.filter(([, box]) => box);
  const line = ([kind, box]) => {
    const { colour, dash } = kinds.get(kind);
    const name = kind === "truth" ? "fc-box fc-box-truth" : "fc-box";
    return ofKind(kind, svg("rect", { ...placeOf(box), class: name, stroke: colour, "stroke-dasharray": dash }));
  };
  drawing.append(...there.map(([kind, box]) => ofKind(kind, svg("rect", { ...placeOf(box), class: "fc-box-ground" }))));
  drawing.append(...there.map(line), ...labels(there, width, height));
  return drawing;
}

// Labels above their boxes, beside each other where boxes agree.
function labels(boxes, width, height) {
  const high = Math.max(width, height) / 28;
  const placed = [];
  // Candidates come last: they are mostly hidden, and shall leave no gap then.
  const last = ([kind]) => Number(kind === "candidates");
  return boxes
    .filter(([, , label]) => label)
    .sort((x, y) => last(x) - last(y))
    .map(([kind, [left, top], label]) => {
      const wide = high * (0.6 * label.length + 0.6);
      const y = Math.max(0, top - high * 1.15);
      let x = Math.max(0, Math.min(left, width - wide));
      const meets = (other) => Math.abs(other.y - y) < high && x < other.x + other.wide && other.x < x + wide;
      for (let other = placed.find(meets); other && x + wide < width; other = placed.find(meets))
        x = other.x + other.wide;
      placed.push({ x, y, wide });
      return ofKind(
        kind,
        svg("rect", { x, y, width: wide, height: high, fill: kinds.get(kind).colour }),
        svg("text", { x: x + wide / 2, y: y + high * 0.77, "font-size": high * 0.8, class: "fc-box-label" }, label),
      );
    });
}

// The boxes that every sample has at hand: truth and each method's first.
function firstBoxes(row) {
  const found = [["truth", data.box[row]]];
  for (const method of data.methods) found.push([`m${method.index}`, method.box[row]]);
  return found;
}

// A picture is asked for when it comes into view, never before.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      seen.unobserve(target);
      target.src = data.pictures[Number(target.dataset.picture)];
    }
  }
});

function picture(row, boxes, name = "") {
  const frame = el("span.fc-picture");
  const which = data.picture[row];
  if (which < 0) frame.append(el("span.fc-nothing", {}, data.problems[row] ?? "no picture"));
  else {
    const image = el("img", { alt: name, "data-picture": which, decoding: "async" });
    image.addEventListener("error", () => image.replaceWith(el("span.fc-nothing", {}, "the picture cannot be read")));
    frame.append(image);
    seen.observe(image);
  }
  frame.append(overlay(row, boxes));
  return frame;
}

function toggleKind(kind) {
  if (!kinds.has(kind)) return;
  if (!hidden.delete(kind)) hidden.add(kind);
  const shown = !hidden.has(kind);
  for (const box of root.querySelectorAll(`[data-kind="${kind}"]`)) box.toggleAttribute("hidden", !shown);
  for (const each of root.querySelectorAll(`[data-switch="${kind}"]`)) each.setAttribute("aria-pressed", shown);
}

// Switches of some kinds of boxes, which are the legend too.
function switches(names) {
  return names.map((kind) => {
    const { title, whole, key } = kinds.get(kind);
    return el(
      "button.fc-switch",
      {
        type: "button",
        "data-switch": kind,
        "aria-pressed": String(!hidden.has(kind)),
        title: `${whole ?? title}: show or hide${key ? ` (key ${key})` : ""}`,
        on: { click: () => toggleKind(kind) },
      },
      swatch(kind),
      el("span", {}, kind.startsWith("m") && key ? `${key} ${title}` : title),
    );
  });
}
