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
    kinds.set(`m${index}`, { title: method.label, colour, dash: DASHES[index % DASHES.length], key: index < 9 ? String(index + 1) : "" });
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

// One box: a dark line below the coloured one, so that it is seen on any picture; a label where there is one.
function drawnBox(kind, box, label, size) {
  const { colour, dash } = kinds.get(kind);
  const [left, top, right, bottom] = box;
  const place = { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  const group = svg("g", { "data-kind": kind });
  group.append(
    svg("rect", { ...place, class: "fc-box-ground" }),
    svg("rect", { ...place, class: "fc-box", stroke: colour, "stroke-dasharray": dash }),
  );
  if (label) {
    const high = size / 24;
    const wide = high * (0.62 * label.length + 0.7);
    const y = top >= high ? top - high : top;
    const x = Math.max(0, left);
    group.append(
      svg("rect", { x, y, width: wide, height: high, fill: colour }),
      svg("text", { x: x + wide / 2, y: y + high * 0.77, "font-size": high * 0.82, class: "fc-box-label" }, label),
    );
  }
  group.toggleAttribute("hidden", hidden.has(kind));
  return group;
}

// Boxes in the coordinates of the picture; boxes: [kind, xyxy, label] triples.
function overlay(row, boxes) {
  const [width, height] = [data.width[row], data.height[row]];
  const drawing = svg("svg", { class: "fc-boxes", viewBox: `0 0 ${width || 1} ${height || 1}`, "aria-hidden": "true" });
  const size = Math.min(width, height);
  drawing.append(...boxes.filter(([, box]) => box).map(([kind, box, label]) => drawnBox(kind, box, label, size)));
  return drawing;
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
  if (which < 0) frame.append(el("span.fc-nothing", {}, "no picture"));
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
    const { title, key } = kinds.get(kind);
    return el(
      "button.fc-switch",
      {
        type: "button",
        "data-switch": kind,
        "aria-pressed": String(!hidden.has(kind)),
        title: key ? `Show or hide (key ${key})` : "Show or hide",
        on: { click: () => toggleKind(kind) },
      },
      swatch(kind),
      el("span", {}, title),
    );
  });
}
