// Two methods in four cells: both right, only A, only B, neither. A cell shows its samples.

const CELLS = [
  ["right", "right"],
  ["right", "wrong"],
  ["wrong", "right"],
  ["wrong", "wrong"],
];

function cellNames(a, b) {
  return ["Both right", `Only ${a.label} right`, `Only ${b.label} right`, "Neither right"];
}

function drawCells() {
  const place = byName("cells");
  place.hidden = state.view !== "cells";
  if (place.hidden) return;
  const [a, b] = [state.a, state.b].map((key) => data.methods.find((method) => method.key === key));
  if (data.methods.length < 2 || a === b) {
    place.replaceChildren(chooser(), el("p.fc-remark", {}, "Choose two methods that differ."));
    return;
  }
  const found = CELLS.map(() => [0, 0, 0]); // samples, positives, negatives
  let [unknown, apart] = [0, 0];
  // The cells are those of the other filters: choosing one must not empty the three others.
  for (const row of rowsWithout(state, [`right.${a.key}`, `right.${b.key}`])) {
    const cell = CELLS.findIndex(([x, y]) => rightOf(a, row) === x && rightOf(b, row) === y);
    if (cell >= 0) {
      found[cell][0] += 1;
      found[cell][data.kind[row] === 0 ? 1 : 2] += 1;
    } else if (data.kinds[data.kind[row]] === "unknown") unknown += 1;
    else apart += 1;
  }
  const all = found.reduce((sum, [number]) => sum + number, 0);
  const names = cellNames(a, b);
  const cells = CELLS.map((cell, i) => cellButton(names[i], cell, found[i], all, a, b));
  const left = [
    apart ? `${counted(apart, "sample")} that one of them was not asked about` : "",
    unknown ? `${counted(unknown, "sample")} of unknown truth` : "",
  ];
  // The tables of "finecops compare" have one for each kind: other shares of the same samples.
  const kinds = found.some((cell) => cell[2]) && found.some((cell) => cell[1])
    ? " Positives and negatives are counted together here; on a negative a rejection is right."
    : "";
  const without = left.some(Boolean) ? `; not compared: ${left.filter(Boolean).join(", ")}` : "";
  place.replaceChildren(
    chooser(),
    el("div.fc-four", { role: "group", "aria-label": "Four cells" }, cells),
    el("p.fc-remark", {}, `${counted(all, "sample")} compared${without}. A cell shows its samples below.${kinds}`),
  );
}

function cellButton(name, [x, y], [number, positives, negatives], all, a, b) {
  const chosen = state.right[a.key] === x && state.right[b.key] === y;
  const split =
    negatives && positives
      ? `${count(positives)} positive, ${count(negatives)} negative`
      : positives
        ? "all positive"
        : "all negative";
  const run = () => {
    const right = { ...state.right, [a.key]: chosen ? "" : x, [b.key]: chosen ? "" : y };
    change({ right });
    byName("cells").querySelector(`[data-cell="${x}-${y}"]`)?.focus();
  };
  return el(
    `button.fc-cell.fc-cell-${x}-${y}`,
    { type: "button", "aria-pressed": String(chosen), "data-cell": `${x}-${y}`, on: { click: run } },
    el("span.fc-cell-name", {}, name),
    el("span.fc-cell-number", {}, count(number), " ", el("small", {}, percent(number, all))),
    el("small", {}, number ? split : ""),
  );
}

function chooser() {
  const one = (letter, name) =>
    el(
      "label.fc-line",
      {},
      el("span", {}, letter),
      select(`Method ${letter} of the four cells`, methodOptions(), state[name], (value) => change({ [name]: value })),
    );
  return el("div.fc-two", {}, one("A", "a"), one("B", "b"));
}
