// The order of the samples that are shown.

const SORTS = [
  ["order", "Order of the file"],
  ["score", "Score"],
  ["iou", "IoU"],
  ["gap", "Score gap: A − B"],
  ["pairgap", "Pair gap: positive − negative"],
  ["words", "Words"],
  ["size", "Size of target"],
];
// Those that are of one method.
const SORTS_OF_METHOD = new Set(["score", "iou", "pairgap"]);

// The smallest gap of a positive to its negatives: the pair that it is nearest to losing.
function pairGap(method, row) {
  const gap = (positive, negative) =>
    method.score[positive] === null || method.score[negative] === null
      ? null
      : method.score[positive] - method.score[negative];
  if (data.positive[row] >= 0) return gap(data.positive[row], row);
  const gaps = (data.negatives.get(row) ?? []).map((negative) => gap(row, negative)).filter((value) => value !== null);
  return gaps.length ? Math.min(...gaps) : null;
}

function sortKey(shown) {
  const of = (key) => data.methods.find((method) => method.key === key);
  const method = of(shown.sortOf);
  const [a, b] = [of(shown.a), of(shown.b)];
  const keys = {
    score: (row) => method.score[row],
    iou: (row) => method.iou[row],
    gap: (row) => (a.score[row] === null || b.score[row] === null ? null : a.score[row] - b.score[row]),
    pairgap: (row) => pairGap(method, row),
    words: (row) => data.words[row],
    size: (row) => data.size[row],
  };
  return data.methods.length || ["words", "size"].includes(shown.sort) ? keys[shown.sort] : undefined;
}

// Rows in order. Samples without a value come last in both directions; ties keep the file's order.
function sorted(rows, shown) {
  const key = sortKey(shown);
  if (!key) return shown.down ? [...rows].reverse() : rows;
  const valued = rows.map((row) => [key(row), row]);
  const sign = shown.down ? -1 : 1;
  valued.sort(([x, i], [y, j]) => {
    if (x === null || y === null) return (x === null) - (y === null) || i - j;
    return sign * (x - y) || i - j;
  });
  return valued.map(([, row]) => row);
}
