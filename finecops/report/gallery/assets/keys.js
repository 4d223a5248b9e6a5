// The keyboard: single keys inside the gallery or an open sample, never while somebody writes.

const KEYS = [
  ["j or →", "next sample"],
  ["k or ←", "previous sample"],
  ["↓ ↑", "one line of cards down, up"],
  ["Enter", "open the sample"],
  ["Esc", "close"],
  ["t, c, r", "boxes: truth, candidates, router"],
  ["1 to 9", "boxes of each method"],
  ["n", "write a note (in an open sample)"],
  ["/", "search"],
  ["f", "filters"],
  ["v", "next view: cards, pairs, four cells"],
  ["?", "this help"],
];

function makeHelp() {
  const rows = KEYS.map(([key, what]) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, what)),
  );
  byName("keys").replaceChildren(el("tbody", {}, rows));
}

function isWriting(target) {
  return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select") !== null;
}

function keyPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isWriting(event.target)) return;
  const inSample = byName("sample").open;
  // Keys are ours inside the gallery alone: the page around has its own.
  if (!inSample && !root.contains(event.target)) return;
  const run = inSample ? sampleKey(event) : listKey(event);
  if (!run) return;
  event.preventDefault();
  run();
}

function commonKey(key) {
  const kind = [...kinds].find(([, { key: own }]) => own && own === key);
  if (kind) return () => toggleKind(kind[0]);
  return key === "?" ? () => byName("help").showModal() : null;
}

function sampleKey({ key }) {
  const steps = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 };
  if (byName("help").open) return null;
  if (key in steps) return () => step(steps[key]);
  if (key === "n") return () => byName("sample").querySelector("textarea").focus();
  return commonKey(key);
}

function listKey({ key, target }) {
  if (byName("help").open) return null;
  const line = list.columns();
  const steps = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1, ArrowDown: line, ArrowUp: -line };
  // Arrows move among cards; elsewhere they scroll, as everywhere.
  if (key in steps && (key.length === 1 || target.closest(".fc-item"))) return () => moveTo(steps[key], target);
  if (key === "/") return () => byName("search").focus();
  if (key === "f") return toggleFilters;
  if (key === "v")
    return () => change({ view: VIEWS[(VIEWS.findIndex(([name]) => name === state.view) + 1) % VIEWS.length][0] });
  return commonKey(key);
}

function moveTo(by, target) {
  const at = target.closest(".fc-item");
  const index = at ? Number(at.dataset.index) + by : 0;
  if (index < 0 || index >= list.rows.length) return;
  list.reveal(index)?.querySelector("a.fc-open").focus({ preventScroll: true });
}
