// The gallery comes to life: controls are bound, the state of the address is shown, and changes are drawn.

let root = null;
let list = null;

function byName(name) {
  return root.querySelector(`[data-fc="${name}"]`);
}

function start() {
  root = document.querySelector(".fc-gallery");
  if (!root || state) return;
  readSamples();
  readNotes();
  makeKinds();
  state = isOurs(location.hash) ? stateOf(location.hash) : plainState();
  list = virtualList("Samples");
  byName("main").append(list.element);
  makeBar();
  makePanel();
  makeHelp();
  root.dataset.samples = data.count;
  root.classList.add("fc-ready");
  if (window.matchMedia("(min-width: 900px)").matches) toggleFilters();
  whenChanged(draw);
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("popstate", followAddress);
  document.addEventListener("keydown", keyPressed);
  window.addEventListener("pagehide", saveNote);
  draw();
  // A link to a view, or a report that opens at the cells, is about this part of the page.
  const linked = location.hash.length > 1 ? isOurs(location.hash) : data.opening.view !== "cards";
  if (linked) root.scrollIntoView();
}

function followAddress() {
  if (!isOurs(location.hash)) return;
  state = stateOf(location.hash);
  draw();
}

let drawn = "";
let drawnNotes = 0;
let passed = null;

function draw() {
  // Opening a sample changes nothing of the list behind it.
  const wanted = `#${address({ ...state, sample: null })}`;
  if (wanted !== drawn || notesChanged !== drawnNotes) drawList(wanted === drawn);
  [drawn, drawnNotes] = [wanted, notesChanged];
  openSample(state.sample === null ? null : data.rowOf.get(state.sample));
}

function drawList(keepPlace) {
  passed = passing(state);
  const rows = [];
  for (let row = 0; row < data.count; row += 1) if (passed.failed[row] === 0) rows.push(row);
  order = sorted(state.view === "pairs" ? pairsOf(rows) : rows, state);
  const pairs = state.view === "pairs";
  const what = pairs
    ? `${counted(order.length, "pair")} of ${counted(rows.length, "sample")}`
    : `${count(rows.length)} of ${counted(data.count, "sample")}`;
  byName("count").textContent = what;
  byName("empty").hidden = order.length > 0;
  byName("empty").textContent = rows.length
    ? "No pair of a positive and a negative among these samples."
    : "No sample passes all filters.";
  for (const [name] of VIEWS)
    root.querySelector(`[data-view="${name}"]`).setAttribute("aria-pressed", String(state.view === name));
  root.dataset.shown = state.view;
  list.make = pairs ? pairCard : card;
  list.narrowest = pairs ? 420 : 230;
  list.cards = pairs ? 2 : 1;
  drawBar();
  drawPanel(passed);
  drawCells();
  list.show(order, keepPlace);
}

function makeBar() {
  for (const [name, title] of VIEWS) {
    const view = button(title, () => change({ view: name }), { "data-view": name, "aria-pressed": "false" });
    if (name === "cells" && data.methods.length < 2) view.disabled = true;
    if (name === "pairs" && !data.negatives.size) view.disabled = true;
    byName("views").append(view);
  }
  const search = byName("search");
  let later = 0;
  search.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(() => change({ text: search.value }), 90);
  });
  const sorts = SORTS.filter(([name]) => data.methods.length || !["score", "iou", "gap", "pairgap"].includes(name));
  byName("sorting").append(
    select("Sort by", sorts, state.sort, (sort) => change({ sort, down: !["order", "words"].includes(sort) }), {
      "data-fc": "sort",
    }),
    select("Sort by which method", methodOptions(), state.sortOf, (sortOf) => change({ sortOf }), {
      "data-fc": "sort-of",
    }),
    button("↓", () => change({ down: !state.down }), { "data-fc": "down" }),
  );
  byName("legend").append(...switches([...kinds.keys()].filter((kind) => kind === "truth" || kind.startsWith("m"))));
  byName("toggle-filters").addEventListener("click", toggleFilters);
  byName("toggle-help").addEventListener("click", () => byName("help").showModal());
  byName("previous").addEventListener("click", () => step(-1));
  byName("next").addEventListener("click", () => step(1));
  byName("close").addEventListener("click", () => byName("sample").close());
  byName("close-help").addEventListener("click", () => byName("help").close());
  byName("sample").addEventListener("close", closed);
  root.addEventListener("click", followLink);
}

// A link to a sample opens it here; with a modifier the browser does what it does with any link.
function followLink(event) {
  const link = event.target.closest("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const { sample } = stateOf(link.getAttribute("href"));
  if (sample === null) return;
  event.preventDefault();
  change({ sample }, { step: opened === null });
}

function closed() {
  saveNote();
  const at = order.indexOf(opened);
  opened = null;
  if (state.sample !== null) change({ sample: null });
  if (at >= 0) list.reveal(at)?.querySelector("a.fc-open").focus({ preventScroll: true });
}

function drawBar() {
  const search = byName("search");
  if (document.activeElement !== search) search.value = state.text;
  byName("sort").value = state.sort;
  const of = byName("sort-of");
  of.value = state.sortOf;
  of.hidden = !SORTS_OF_METHOD.has(state.sort);
  const down = byName("down");
  down.textContent = state.down ? "↓" : "↑";
  down.setAttribute("aria-label", state.down ? "Descending; turn round" : "Ascending; turn round");
}

function toggleFilters() {
  const shown = root.classList.toggle("fc-with-filters");
  byName("toggle-filters").setAttribute("aria-expanded", String(shown));
  // The focus shall not be lost with what had it.
  if (!shown && document.activeElement === document.body) byName("toggle-filters").focus();
}
