// What is behind one sample: each method's answer with prompt and reply, the question of CRS, the router, candidates.

function table(titles, rows, properties = {}) {
  const head = el(
    "thead",
    {},
    el(
      "tr",
      {},
      titles.map((title) => el("th", { scope: "col" }, title)),
    ),
  );
  // Wide tables scroll in their own frame, never the page.
  return el(
    "div.fc-wide",
    { tabindex: "0", role: "group", "aria-label": properties.label ?? "Table" },
    el("table", {}, head, el("tbody", {}, rows)),
  );
}

const cell = (text, name = "td") => el(name, {}, text);
const numberCell = (text) => el("td.fc-number", {}, text);

function areaOfOverlap(a, b) {
  if (!a || !b) return null;
  const side = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const area = ([left, top, right, bottom]) => Math.max(0, right - left) * Math.max(0, bottom - top);
  const both = side(0, 2) * side(1, 3);
  const union = area(a) + area(b) - both;
  return union > 0 ? both / union : 0;
}

function answersSection(row, found) {
  const rows = data.methods.map((method) => {
    const answer = found.answers[method.key];
    const name = el("th", { scope: "row" }, swatch(`m${method.index}`), " ", method.label);
    if (!answer) return el("tr", {}, name, el("td", { colspan: 5 }, "not asked about this sample"));
    const outcome = OUTCOME_NAMES[answer.outcome] ?? answer.outcome;
    return el(
      "tr",
      {},
      name,
      el("td", {}, sign(method, row), ` ${outcome}`),
      numberCell(overlap(answer.iou)),
      numberCell(number(answer.score)),
      el("td.fc-number", {}, boxText(answer.boxes?.[0])),
      cell(answer.source ?? "–"),
    );
  });
  const parts = data.methods.filter((method) => found.answers[method.key]).map((method) => answerPart(method, found));
  return section(
    "Answers",
    table(["Method", "Answer", "IoU", "Score", "First box", "By"], rows, { label: "Answers" }),
    parts,
  );
}

// One method's answer: why it has no box, the question of CRS, other boxes, prompt and reply.
function answerPart(method, found) {
  const answer = found.answers[method.key];
  const remarks = [
    ["Reason", answer.reason],
    ["Cause", answer.cause],
    ["Note", answer.note],
    ["Score", answer.score_kind],
  ].filter(([, text]) => text);
  const content = [
    remarks.length
      ? el(
          "dl.fc-remarks",
          {},
          remarks.flatMap(([title, text]) => [el("dt", {}, title), outside(text, "dd")]),
        )
      : null,
    answer.letters ? letterTable(answer, found) : (answer.boxes?.length ?? 0) > 1 ? boxTable(answer, found) : null,
    answer.prompt === undefined ? null : [el("h5", {}, "Prompt"), longText(answer.prompt)],
    answer.reply === undefined ? null : [el("h5", {}, "Reply"), longText(answer.reply)],
  ];
  if (!content.flat().some(Boolean)) return null;
  const open = Boolean(answer.letters || answer.reason);
  return el(
    "details.fc-part",
    { open },
    el(
      "summary",
      {},
      swatch(`m${method.index}`),
      " ",
      method.label,
      answer.letters ? ": question and letters" : ": prompt, reply, boxes",
    ),
    content.flat(),
  );
}

function longText(text) {
  return el("pre", { dir: "auto", tabindex: "0" }, text);
}

// A bar as long as a share, beside its number.
function bar(share) {
  const drawing = svg("svg", {
    class: "fc-bar",
    viewBox: "0 0 100 10",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  drawing.append(svg("rect", { width: Math.max(0, Math.min(1, share)) * 100, height: 10 }));
  return drawing;
}

// The options of CRS in the order of their letters' probabilities; a rejection is the option None.
function letterTable(answer, found) {
  const rows = answer.letters.map((letter, i) => optionRow(letter, answer.scores?.[i], answer.boxes[i], answer, found));
  if (answer.none !== undefined) rows.push(optionRow(null, answer.none, null, answer, found));
  const order = (row) => -Number(row.dataset.share ?? 0);
  rows.sort((x, y) => order(x) - order(y));
  return [
    table(["Letter", "Probability", "IoU", "Box"], rows, { label: "Letters" }),
    answer.mass === undefined
      ? null
      : el(
          "p.fc-remark",
          {},
          `All letters together had a probability of ${number(answer.mass)} before they were scaled to 1.`,
        ),
    answer.count > answer.boxes.length
      ? el("p.fc-remark", {}, `${answer.boxes.length} of ${answer.count} options are shown.`)
      : null,
  ];
}

function optionRow(letter, share, box, answer, found) {
  const chosen = letter === null ? answer.outcome === "reject" : answer.outcome === "box" && answer.choice === letter;
  const name = letter ?? "None";
  return el(
    chosen ? "tr.fc-chosen" : "tr",
    { "data-share": share ?? 0 },
    el("th", { scope: "row" }, name, chosen ? [" ", el("span.fc-tag", {}, "chosen")] : null),
    el("td.fc-number", {}, share === undefined ? null : bar(share), " ", number(share)),
    numberCell(box ? overlap(areaOfOverlap(box, found.box)) : "–"),
    el("td.fc-number", {}, box ? boxText(box) : "not there"),
  );
}

function boxTable({ boxes, scores, count: all }, found) {
  const rows = boxes.map((box, i) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, String(i + 1)),
      numberCell(number(scores?.[i])),
      found.box ? numberCell(overlap(areaOfOverlap(box, found.box))) : null,
      numberCell(boxText(box)),
    ),
  );
  return [
    table(["Rank", "Score", ...(found.box ? ["IoU"] : []), "Box"], rows, { label: "Boxes" }),
    all > boxes.length ? el("p.fc-remark", {}, `The first ${boxes.length} of ${count(all)} boxes.`) : null,
  ];
}

function routeSection({ route, target }) {
  if (!route && !target) return null;
  const parts = [];
  if (target) {
    const phrase = target.phrase ? ["“", outside(target.phrase, "strong"), "”"] : ["none"];
    parts.push(
      el(
        "p",
        {},
        "Target phrase: ",
        phrase,
        `, ${target.status} by ${target.extractor}.`,
        target.reason ? ` ${target.reason}` : "",
      ),
    );
  }
  if (route) {
    const to = route.level === 1 ? "the specialist (level 1)" : "the MLLM (level 2)";
    const why =
      route.status === "routed"
        ? `The router counted ${counted(route.count, "instance")}`
        : route.status === "failed"
          ? "The router failed"
          : "The target is doubtful";
    parts.push(el("p", {}, `${why}: to ${to}.`, route.reason ? ` ${route.reason}` : ""));
    if (route.count) parts.push(boxTable(route, { box: null }));
  }
  return section("Router", parts.flat());
}

function candidatesSection(found) {
  const { candidates } = found;
  if (!candidates) return null;
  const text = `${counted(candidates.count, "candidate")} after NMS, of ${count(candidates.before)}.`;
  return section(
    "Candidates",
    el("p", {}, candidates.reason ?? text),
    candidates.count ? boxTable(candidates, found) : null,
  );
}

function section(title, ...children) {
  return el("section.fc-section", {}, el("h4", {}, title), children.flat());
}
