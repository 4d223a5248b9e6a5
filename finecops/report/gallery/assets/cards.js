// A sample as a card: picture, expression, what it is, and each method's answer in a line.

const MOST_LINES = 6; // methods on a card; the others are seen when it is opened

function linkTo(row) {
  return `#${address({ ...state, sample: data.id[row] })}`;
}

// What a sample is, in a few words.
function facts(row) {
  const kind = data.kinds[data.kind[row]];
  const found = [KIND_NAMES[kind] ?? kind];
  if (data.level[row]) found.push(`level ${data.level[row]}`);
  if (data.tuple_type[row] >= 0 && data.positive[row] < 0)
    found.push(data.tuple_types[data.tuple_type[row]].replaceAll("_", " "));
  if (data.negative_type[row] >= 0) {
    const level = data.negative_level[row] ? ` (${data.negative_level[row]})` : "";
    found.push(`${data.negative_types[data.negative_type[row]].replaceAll("_", " ")}${level}`);
  }
  if (data.route[row]) found.push(`router ${data.route[row]}`);
  return found;
}

const SIGNS = { right: "✓", wrong: "✗" };

// Whether an answer is right, as a sign that a screen reader reads as a word.
function sign(method, row) {
  const right = rightOf(method, row);
  if (right === null) return el("span.fc-sign", { title: "truth unknown" }, "?");
  return el(`span.fc-sign.fc-${right}`, { role: "img", "aria-label": right, title: right }, SIGNS[right]);
}

const OUTCOME_NAMES = {
  reject: "not there",
  unparsed: "not parsed",
  failed: "failed",
  missing: "missing",
  unasked: "not asked",
};

function answerText(method, row) {
  const outcome = outcomeOf(method, row);
  const score = method.score[row] === null ? "" : number(method.score[row]);
  if (outcome !== "box") return [OUTCOME_NAMES[outcome] ?? outcome, score].filter(Boolean).join(" · ");
  const iou = method.iou[row] === null ? "box" : `IoU ${overlap(method.iou[row])}`;
  return [iou, score].filter(Boolean).join(" · ");
}

function answerLine(method, row) {
  const asked = method.outcome[row] >= 0;
  return el(
    "li",
    {},
    swatch(`m${method.index}`),
    el("span.fc-method", { title: method.label }, method.short),
    asked ? sign(method, row) : el("span.fc-sign", {}, "–"),
    el("span.fc-answer", { title: "IoU of the first box with the truth · its score" }, answerText(method, row)),
  );
}

function tagLine(row) {
  const found = notes.get(data.id[row]);
  if (!found) return [];
  return [
    ...found.tags.map((tag) => el("span.fc-tag", {}, tag)),
    found.note ? el("span.fc-tag", { title: found.note }, "note") : null,
  ];
}

function card(row) {
  const link = el("a.fc-open", {
    href: linkTo(row),
    "aria-label": `Open sample ${data.id[row]}: ${data.expression[row]}`,
  });
  link.append(picture(row, firstBoxes(row)));
  const lines = data.methods.slice(0, MOST_LINES).map((method) => answerLine(method, row));
  if (data.methods.length > MOST_LINES) lines.push(el("li", {}, `and ${data.methods.length - MOST_LINES} more`));
  return el(
    "div.fc-card",
    {},
    link,
    el(
      "div.fc-about",
      {},
      el("p.fc-expression", { dir: "auto", title: data.expression[row] }, withPhrase(row)),
      el("p.fc-facts", {}, tagLine(row), facts(row).join(" · ")),
    ),
    el("ul.fc-answers", {}, lines),
  );
}
