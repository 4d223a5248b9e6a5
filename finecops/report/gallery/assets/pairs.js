// A negative beside the positive that it was made from: changed words marked, and both scores, so that a lost
// Recall@1 is seen. A pair counts if a right box of the positive has the highest score of both samples' boxes.

const LOST = new Set(["unparsed", "failed", "missing"]);

// The pairs that are shown: of every negative that is shown, or whose positive is.
function pairsOf(rows) {
  const shown = new Set();
  for (const row of rows) {
    if (data.positive[row] >= 0) shown.add(row);
    for (const negative of data.negatives.get(row) ?? []) shown.add(negative);
  }
  const wanted = Object.entries(state.pair).filter(([, value]) => value);
  const of = (key) => data.methods.find((method) => method.key === key);
  return [...shown].filter((row) => wanted.every(([key, value]) => pairOf(of(key), row) === value));
}

// What became of a pair, in words.
function pairText(method, negative) {
  const positive = data.positive[negative];
  const hit = pairOf(method, negative);
  const [mine, theirs] = [method.score[positive], method.score[negative]];
  if (method.outcome[positive] < 0 || method.outcome[negative] < 0) return "not asked about both";
  if (LOST.has(outcomeOf(method, negative))) return "lost: no answer on the negative";
  if (hit === null) return "no scores";
  if (hit === "tied") return "tie: equal scores";
  const gap = mine === null || theirs === null ? null : Math.abs(mine - theirs);
  if (hit === "won") return gap === null ? "won: no box on the negative" : `won by ${number(gap)}`;
  if (mine === null) return "lost: no box on the positive";
  const wrong = (method.iou[positive] ?? 0) <= data.iou;
  if (theirs !== null && theirs >= mine) return `lost by ${number(gap)}${wrong ? ", wrong box too" : ""}`;
  return "lost: wrong box on the positive";
}

function pairSign(method, negative) {
  const hit = pairOf(method, negative);
  if (hit === null) return el("span.fc-sign", {}, "–");
  if (hit === "tied") return el("span.fc-sign", { title: "tied" }, "=");
  const name = hit === "won" ? "right" : "wrong";
  return el(`span.fc-sign.fc-${name}`, { role: "img", "aria-label": hit, title: hit }, SIGNS[name]);
}

function pairScore(method, row) {
  const outcome = outcomeOf(method, row);
  if (method.score[row] !== null)
    return `${number(method.score[row])}${outcome === "box" ? "" : ` (${OUTCOME_NAMES[outcome]})`}`;
  return OUTCOME_NAMES[outcome] ?? "no score";
}

// One table for all methods: score of the positive, of the negative, and which was higher.
function pairTable(negative) {
  const positive = data.positive[negative];
  const rows = data.methods.slice(0, MOST_LINES).map((method) => {
    const [mine, theirs] = [method.score[positive], method.score[negative]];
    const higher = (value, other) =>
      value !== null && other !== null && value > other ? "td.fc-number.fc-higher" : "td.fc-number";
    return el(
      "tr",
      {},
      el(
        "th",
        { scope: "row", title: method.label },
        el("div.fc-two-lines", {}, swatch(`m${method.index}`), " ", method.short),
      ),
      el(higher(mine, theirs), {}, el("div.fc-two-lines", {}, pairScore(method, positive))),
      el(higher(theirs, mine), {}, el("div.fc-two-lines", {}, pairScore(method, negative))),
      el("td", {}, el("div.fc-two-lines", {}, pairSign(method, negative), " ", pairText(method, negative))),
    );
  });
  const titles = ["Method", "Positive", "Negative", "Recall@1"].map((title) => el("th", { scope: "col" }, title));
  return el("table.fc-pair-scores", {}, el("thead", {}, el("tr", {}, titles)), el("tbody", {}, rows));
}

// Both expressions, changed words marked in each. Of a negative image the words are the same, and it says so.
function pairWords(negative) {
  const [before, after] = [data.expression[data.positive[negative]], data.expression[negative]];
  if (before === after) return [[before], [after], "same words, changed picture"];
  const [a, b] = compareWords(before, after);
  return [markedWords(a, "del"), markedWords(b, "ins"), null];
}

// Level and route are the same for both, or beside the point.
function pairFacts(row) {
  return facts(row)
    .filter((fact) => !/^(level|router) /.test(fact))
    .join(" · ");
}

function half(row, words, title) {
  const link = el("a.fc-open", { href: linkTo(row), "aria-label": `Open the ${title}, sample ${data.id[row]}` });
  link.append(picture(row, firstBoxes(row)));
  return el(
    "div.fc-half",
    {},
    link,
    el("p.fc-facts", {}, pairFacts(row)),
    el("p.fc-expression", { dir: "auto", title: data.expression[row] }, words),
  );
}

function pairCard(negative) {
  const [before, after, remark] = pairWords(negative);
  const halves = el(
    "div.fc-halves",
    {},
    half(data.positive[negative], before, "positive"),
    half(negative, after, "negative"),
  );
  return el("div.fc-card.fc-pair", {}, halves, el("p.fc-remark", {}, remark ?? ""), pairTable(negative));
}
