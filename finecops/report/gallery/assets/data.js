// The report's data as its files hand it over: columns of every sample at the start, details of some when asked.
//
// A page from the file system may load scripts and read no other file, so every data file is a script that calls
// finecopsData(name, text of JSON). Nothing else of the application is reachable from outside.

const KEPT_CHUNKS = 12;
const texts = new Map(); // name → text, of files that were handed over and not read yet
const waiting = new Map(); // name → functions that want it
const chunks = new Map(); // name → details by row, the latest ones
// The folder of this script; empty where it stands in the page itself, which then has all the data too.
const folder = (document.currentScript?.src ?? "").replace(/[^/]*$/, "");

window.finecopsData = (name, text) => {
  texts.set(name, text);
  for (const resolve of waiting.get(name) ?? []) resolve();
  waiting.delete(name);
  if (name === "samples") whenParsed(start);
};

// The markup is there before the scripts in a report, but nothing relies on it.
function whenParsed(run) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run, { once: true });
  else run();
}

// Everything about the samples; one place for the whole application, filled once.
const data = {};

function readSamples() {
  const found = JSON.parse(texts.get("samples"));
  texts.delete("samples");
  const { columns, methods, answers, ...rest } = found;
  Object.assign(data, rest, columns);
  data.count = columns.id.length;
  const short = withoutCommonStart(methods.map(({ label }) => label));
  data.methods = methods.map((method, index) => ({ ...method, index, short: short[index], ...answers[index] }));
  data.rowOf = new Map(columns.id.map((id, row) => [id, row]));
  data.words = columns.expression.map((text) => text.split(/\s+/).filter(Boolean).length);
  data.negatives = new Map();
  columns.positive.forEach((positive, row) => {
    if (positive < 0) return;
    if (!data.negatives.has(positive)) data.negatives.set(positive, []);
    data.negatives.get(positive).push(row);
  });
}

// Labels for narrow places: of several runs they begin alike, and what differs must be seen.
function withoutCommonStart(labels) {
  const [first, ...others] = labels;
  if (!others.length) return labels;
  let same = 0;
  while (same < first.length && others.every((label) => label[same] === first[same])) same += 1;
  // Whole words only.
  while (same > 0 && !/[\s:/_.-]/.test(first[same - 1])) same -= 1;
  return same < 6 ? labels : labels.map((label) => `…${label.slice(same)}`);
}

// A text to search in, made when somebody searches for the first time.
function searchable(row) {
  data.searched ??= data.expression.map((text, each) => `${text}\n${data.id[each]}`.toLowerCase());
  return data.searched[row];
}

// A promise of a sample's details. It fails with a sentence for people.
async function details(row) {
  const name = `details-${String(data.chunk[row]).padStart(4, "0")}`;
  if (!chunks.has(name)) {
    if (!texts.has(name)) await load(name);
    // Two samples of one chunk may have waited for it.
    if (!chunks.has(name)) readChunk(name);
  }
  return chunks.get(name)[row];
}

function readChunk(name) {
  chunks.set(name, JSON.parse(texts.get(name)));
  // In a page without a folder the text cannot be asked for again.
  if (folder) texts.delete(name);
  if (chunks.size > KEPT_CHUNKS) chunks.delete(chunks.keys().next().value);
}

function load(name) {
  return new Promise((resolve, reject) => {
    const missing = new Error(`The file ${name}.js of this report cannot be read. Was only a part of it copied?`);
    if (!folder) return reject(missing);
    if (waiting.has(name)) return waiting.get(name).push(resolve);
    waiting.set(name, [resolve]);
    const script = document.createElement("script");
    script.src = `${folder}${name}.js`;
    script.addEventListener("error", () => {
      waiting.delete(name);
      reject(missing);
    });
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  });
}
