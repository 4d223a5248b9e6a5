// Elements of the page, and numbers as people read them. Text goes in as text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

// el("p.fc-note", { title: "…", on: { click: f } }, "text", anotherElement)
function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  return fill(element, properties, children);
}

function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, run] of Object.entries(on)) element.addEventListener(event, run);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

// A text from outside. Its direction is its own, and ends with it.
function outside(text, name = "bdi", properties = {}) {
  return el(name, { dir: "auto", ...properties }, text);
}

function button(label, run, properties = {}) {
  return el("button.fc-button", { type: "button", ...properties, on: { click: run } }, label);
}

// A choice with a label; options are [value, text] pairs.
function select(label, options, value, run, properties = {}) {
  const list = el("select", { "aria-label": label, ...properties, on: { change: () => run(list.value) } });
  list.append(...options.map(([key, text]) => el("option", { value: key }, text)));
  list.value = value;
  return list;
}

const whole = new Intl.NumberFormat("en");

function count(number) {
  return whole.format(number);
}

function counted(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}

// Four digits behind the point, and others where those would say nothing: 0.00003 is not 0.
function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return size >= 100 ? value.toFixed(1) : value.toFixed(4);
}

// IoU with two digits, and with more where two would put it on the other side of the threshold.
function overlap(value) {
  if (value === null || value === undefined) return "–";
  for (let digits = 2; digits < 6; digits += 1) {
    if (Number(value.toFixed(digits)) > data.iou === value > data.iou) return value.toFixed(digits);
  }
  return String(value);
}

function percent(part, all) {
  return all ? `${((100 * part) / all).toFixed(1)} %` : "–";
}

function boxText(box) {
  return box ? box.map((value) => Math.round(value * 10) / 10).join(", ") : "–";
}
