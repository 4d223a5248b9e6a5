// What is shown, as one object; the address of the page has it, so a link leads to the same view.

const VIEWS = [
  ["cards", "Cards"],
  ["pairs", "Pairs"],
  ["cells", "Four cells"],
];
// Sets of words: nothing chosen means everything.
const SETS = ["kind", "level", "type", "negative", "route"];

function plainState() {
  const keys = data.methods.map((method) => method.key);
  return {
    view: data.opening.view,
    a: data.opening.a ?? keys[0] ?? "",
    b: data.opening.b ?? keys.find((key) => key !== (data.opening.a ?? keys[0])) ?? keys[0] ?? "",
    text: "",
    ...Object.fromEntries(SETS.map((name) => [name, new Set()])),
    right: {}, // key → "right" | "wrong"
    outcome: {}, // key → one of data.outcomes, or "unasked"
    pair: {}, // key → "won" | "tied" | "lost"
    disagree: false,
    scoreOf: keys[0] ?? "",
    score: [null, null],
    size: [null, null],
    tag: "",
    sort: "order",
    sortOf: keys[0] ?? "",
    down: false,
    sample: null,
  };
}

let state = null;
const listeners = [];

function whenChanged(run) {
  listeners.push(run);
}

// Change the view. The address follows; opening a sample is a step that "back" undoes.
function change(changes, { step = false } = {}) {
  Object.assign(state, changes);
  const hash = `#${address(state)}`;
  if (hash !== (location.hash || "#")) history[step ? "pushState" : "replaceState"](null, "", hash);
  for (const run of listeners) run();
}

// The state as the part of an address after "#"; what is as at the start is left out.
function address(shown) {
  const start = plainState();
  const found = new URLSearchParams();
  for (const name of ["view", "a", "b", "text", "sort", "sortOf", "scoreOf", "tag"]) {
    if (shown[name] !== start[name]) found.set(name, shown[name]);
  }
  for (const name of SETS) if (shown[name].size) found.set(name, [...shown[name]].map(encodeURIComponent).join(","));
  for (const name of ["right", "outcome", "pair"]) {
    for (const [key, value] of Object.entries(shown[name])) if (value) found.set(`${name}.${key}`, value);
  }
  for (const name of ["score", "size"]) {
    if (shown[name].some((end) => end !== null)) found.set(name, shown[name].map((end) => end ?? "").join(":"));
  }
  for (const name of ["disagree", "down"]) if (shown[name]) found.set(name, "yes");
  if (shown.sample !== null) found.set("sample", shown.sample);
  return found.toString();
}

// The state of an address. What makes no sense in it is left out: an address may come from anywhere.
function stateOf(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const read = plainState();
  const keys = new Set(data.methods.map((method) => method.key));
  const among = (name, allowed) => {
    if (found.has(name) && allowed.has(found.get(name))) read[name] = found.get(name);
  };
  among("view", new Set(VIEWS.map(([name]) => name)));
  for (const name of ["a", "b", "sortOf", "scoreOf"]) among(name, keys);
  among("sort", new Set(SORTS.map(([name]) => name)));
  for (const name of ["text", "tag"]) read[name] = found.get(name) ?? "";
  for (const name of SETS) {
    const allowed = new Set(choices(name).map(([value]) => value));
    const words = (found.get(name) ?? "").split(",").map(decoded);
    read[name] = new Set(words.filter((word) => allowed.has(word)));
  }
  const answers = {
    right: ["right", "wrong"],
    outcome: [...data.outcomes, "unasked"],
    pair: ["won", "tied", "lost"],
  };
  for (const [name, allowed] of Object.entries(answers)) {
    for (const key of keys) {
      const value = found.get(`${name}.${key}`);
      if (allowed.includes(value)) read[name][key] = value;
    }
  }
  for (const name of ["score", "size"]) {
    const ends = (found.get(name) ?? ":").split(":").map((end) => (end.trim() === "" ? NaN : Number(end)));
    read[name] = [0, 1].map((i) => (Number.isFinite(ends[i]) ? ends[i] : null));
  }
  for (const name of ["disagree", "down"]) read[name] = found.get(name) === "yes";
  if (found.has("sample") && data.rowOf.has(found.get("sample"))) read.sample = found.get("sample");
  return read;
}

function decoded(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

// "#results" is an anchor of the page around; "#sample=7" is ours.
function isOurs(hash) {
  return hash === "" || hash === "#" || hash.includes("=");
}
