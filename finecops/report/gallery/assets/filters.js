// Filters: each a test of one row. A sample is shown if it passes all of them.

const KIND_NAMES = {
  positive: "positive",
  text: "negative expression",
  image: "negative image",
  other: "negative, kind not stated",
  unknown: "truth unknown",
};
const SET_TITLES = {
  kind: "Kind",
  level: "Level",
  type: "Type of positive",
  negative: "Type of negative",
  route: "Router",
};
const WHAT = { right: ["right", "wrong"], pair: ["won", "tied", "lost"] };

// What a set may hold: [value, text] pairs. "none" stands for a sample without it.
function choices(name) {
  const seen = (column) => new Set(column);
  if (name === "kind") {
    const there = seen(data.kind);
    return data.kinds.filter((_, i) => there.has(i)).map((kind) => [kind, KIND_NAMES[kind] ?? kind]);
  }
  if (name === "level") {
    const levels = [...seen(data.level)].sort((x, y) => x - y);
    return levels.map((level) => (level ? [String(level), `level ${level}`] : ["none", "no level"]));
  }
  if (name === "route") {
    const routes = [...seen(data.route)].sort();
    return routes.map((level) =>
      level ? [String(level), level === 1 ? "1: specialist" : "2: MLLM"] : ["none", "no route"],
    );
  }
  const [words, column] =
    name === "type" ? [data.tuple_types, data.tuple_type] : [data.negative_types, data.negative_type];
  const named = words.map((word) => [word, word.replaceAll("_", " ")]);
  return seen(column).has(-1) && words.length
    ? [...named, ["none", name === "type" ? "no type" : "not a negative, or no type"]]
    : named;
}

function valueOf(name, row) {
  if (name === "kind") return data.kinds[data.kind[row]];
  if (name === "level" || name === "route") return data[name][row] ? String(data[name][row]) : "none";
  const [words, column] =
    name === "type" ? [data.tuple_types, data.tuple_type] : [data.negative_types, data.negative_type];
  return words[column[row]] ?? "none";
}

function rightOf(method, row) {
  return method.right[row] < 0 ? null : method.right[row] ? "right" : "wrong";
}

function outcomeOf(method, row) {
  return method.outcome[row] < 0 ? "unasked" : data.outcomes[method.outcome[row]];
}

// A negative's pair; a positive has as many as it has negatives, and is found with any of them.
function pairOf(method, row) {
  const hit = method.pair[row];
  return hit === null ? null : hit === 1 ? "won" : hit === 0 ? "lost" : "tied";
}

function hasPair(method, row, wanted) {
  if (pairOf(method, row) === wanted) return true;
  return (data.negatives.get(row) ?? []).some((negative) => pairOf(method, negative) === wanted);
}

function disagree(row) {
  const verdicts = data.methods.map((method) => method.right[row]);
  return verdicts.includes(0) && verdicts.includes(1);
}

const inside = (value, [low, high]) =>
  value !== null && (low === null || value >= low) && (high === null || value <= high);

// The filters in force, by name: [name, test of a row].
function filtersOf(shown) {
  const found = [];
  const words = shown.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) found.push(["text", (row) => words.every((word) => searchable(row).includes(word))]);
  for (const name of SETS) {
    if (shown[name].size) found.push([name, (row) => shown[name].has(valueOf(name, row))]);
  }
  for (const method of data.methods) {
    const { right, outcome, pair } = Object.fromEntries(
      ["right", "outcome", "pair"].map((name) => [name, shown[name][method.key]]),
    );
    if (right) found.push([`right.${method.key}`, (row) => rightOf(method, row) === right]);
    if (outcome) found.push([`outcome.${method.key}`, (row) => outcomeOf(method, row) === outcome]);
    if (pair) found.push([`pair.${method.key}`, (row) => hasPair(method, row, pair)]);
  }
  if (shown.disagree) found.push(["disagree", disagree]);
  const scored = data.methods.find((method) => method.key === shown.scoreOf);
  if (scored && shown.score.some((end) => end !== null))
    found.push(["score", (row) => inside(scored.score[row], shown.score)]);
  if (shown.size.some((end) => end !== null)) found.push(["size", (row) => inside(data.size[row], shown.size)]);
  if (shown.tag) found.push(["tag", (row) => isTagged(data.id[row], shown.tag)]);
  return found;
}

// For each row: 0 where it passes all, the number of the only filter that it fails (from 1), or -1 where it fails more.
// So one pass over the samples gives what is shown and how many each other choice would show.
function passing(shown) {
  const filters = filtersOf(shown);
  const failed = new Int16Array(data.count);
  filters.forEach(([, test], index) => {
    for (let row = 0; row < data.count; row += 1) {
      if (failed[row] >= 0 && !test(row)) failed[row] = failed[row] ? -1 : index + 1;
    }
  });
  return { failed, names: filters.map(([name]) => name) };
}

// How many samples each choice of a set would show, the other filters as they are.
function countsOf(name, { failed, names }) {
  const own = names.indexOf(name) + 1;
  const found = new Map();
  for (let row = 0; row < data.count; row += 1) {
    if (failed[row] === 0 || (own && failed[row] === own)) {
      const value = valueOf(name, row);
      found.set(value, (found.get(value) ?? 0) + 1);
    }
  }
  return found;
}

// Rows that pass all filters but some.
function rowsWithout(shown, without) {
  const tests = filtersOf(shown).filter(([name]) => !without.includes(name));
  const rows = [];
  for (let row = 0; row < data.count; row += 1) if (tests.every(([, test]) => test(row))) rows.push(row);
  return rows;
}
