// One sample with its sentence, what is asked of the rater, and the rater's vote.

const SHOWN = [
  ["all", "all samples"],
  ["todo", "without a vote"],
  ["keep", "kept"],
  ["fix", "text fixed"],
  ["drop", "dropped"],
  ["unsure", "unsure"],
];

let at = 0; // the row that is shown
let shown = "all"; // one of SHOWN
let asking = null; // "reason", "note" or "text": what the next key or line is about

function passes(row) {
  if (shown === "all") return true;
  const found = votes.get(review.rows[row].id);
  return shown === "todo" ? !found : found?.verdict === shown;
}

// The next row that passes, in a direction; null: there is none.
function seek(from, by, wanted = passes) {
  for (let row = from + by; row >= 0 && row < review.count; row += by) if (wanted(row)) return row;
  return null;
}

const hasNoVote = (row) => !votes.has(review.rows[row].id);

function goTo(row) {
  say("");
  at = row;
  asking = null;
  positiveIsShown = false;
  enlarged = false;
  draw();
  window.scrollTo(0, 0);
}

// To the next sample after a vote; `done` says what the vote was.
function goOn(done) {
  const next = seek(at, 1);
  const missed = seek(-1, 1, hasNoVote);
  goTo(next ?? at);
  if (missed === null) say(`${done}. Every sample has a vote: press S to save ${counted(votes.size, "vote")}.`);
  else if (next !== null) say(done);
  else say(`${done}. The last one; without a vote: ${count(review.count - votes.size)}. N goes to the next.`);
}

function draw() {
  const row = review.rows[at];
  drawPicture(row);
  drawTexts(row);
  drawVote(row);
  drawAsking(row);
  drawProgress();
  readAhead(review.rows[seek(at, 1) ?? review.count]);
}

function drawTexts(row) {
  const [title, claim] = CLAIMS[row.kind];
  byName("claim").replaceChildren(
    el(`strong.fr-kind.${isNegative(row) ? "fr-negative" : "fr-positive"}`, {}, title),
    el("span", {}, claim),
  );
  const fixed = votes.get(row.id)?.text ?? null;
  const comparing = row.positive && positiveIsShown;
  const [before, after] = comparing ? compareWords(row.positive.text, fixed ?? row.text) : [null, null];
  byName("sentence").replaceChildren(
    el("span", { dir: "auto" }, comparing ? markedWords(after, "ins") : (fixed ?? row.text)),
  );
  byName("before").hidden = fixed === null;
  byName("before").replaceChildren("was: ", outside(row.text));
  byName("positive").hidden = !comparing;
  if (comparing) {
    const same = row.positive.text === (fixed ?? row.text);
    const where = row.kind === "image" ? "on its own image" : "on the same image";
    byName("positive").replaceChildren(
      el("span.fr-label", {}, `The positive, ${where}`),
      el("span", { dir: "auto" }, markedWords(before, "del")),
      same ? el("span.fr-label", {}, "The words are the same.") : "",
    );
  }
  byName("compare").hidden = !row.positive;
  byName("compare").setAttribute("aria-pressed", String(Boolean(comparing)));
  byName("box").hidden = byName("enlarge").hidden = !staged(row).box;
  byName("box").setAttribute("aria-pressed", String(boxIsShown));
  byName("enlarge").setAttribute("aria-pressed", String(enlarged));
  byName("facts").replaceChildren(
    ...facts(row).flatMap((text) => [outside(text), " · "]),
    "sample ",
    outside(row.id, "bdi", { class: "fr-id" }),
  );
}

function drawVote(row) {
  const found = votes.get(row.id);
  for (const button of root.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(found?.verdict === button.dataset.verdict));
  }
  const reason = found?.reason && reasonText(found.reason, row);
  const note = found?.note ? [" – ", outside(found.note)] : [];
  byName("vote").replaceChildren(
    found ? "Your vote: " : "No vote yet",
    found ? el("strong", {}, VERDICTS[found.verdict]) : "",
    reason ? `, ${reason}` : "",
    ...note,
  );
  const others = row.votes ?? [];
  byName("others").hidden = !others.length;
  byName("others").replaceChildren(
    ...others.map(({ rater: who, verdict, reason: why, text, note: remark }) => {
      const more = [
        why ? `, ${reasonText(why, row)}` : "",
        text ? [": ", outside(text)] : "",
        remark ? [" – ", outside(remark)] : "",
      ];
      return el("li", {}, outside(who), `: ${VERDICTS[verdict]}`, more.flat());
    }),
  );
}

// Of a negative, the fault of its truth is the opposite one.
function reasonText(reason, row) {
  const [, ofPositive, ofNegative] = review.reasons.find(([name]) => name === reason);
  return isNegative(row) ? ofNegative : ofPositive;
}

function drawAsking(row) {
  const ask = byName("ask");
  ask.hidden = asking === null;
  root.dataset.asking = asking ?? "";
  if (asking === "reason") ask.replaceChildren(reasonQuestion(row));
  else if (asking === "note") ask.replaceChildren(lineQuestion("What is wrong? (Enter drops it)", "", dropWithNote));
  else if (asking === "text") ask.replaceChildren(lineQuestion("The right sentence", currentText(row), fixText));
  else ask.replaceChildren();
  if (asking === null) return;
  ask.querySelector("textarea")?.focus();
  ask.scrollIntoView({ block: "nearest" });
}

const currentText = (row) => votes.get(row.id)?.text ?? row.text;

function reasonQuestion(row) {
  const choices = review.reasons.map(([name], i) =>
    el(
      "button.fc-button",
      { type: "button", "data-reason": name, "aria-keyshortcuts": String(i + 1), on: { click: () => dropFor(name) } },
      el("kbd", {}, String(i + 1)),
      ` ${reasonText(name, row)}${name === "other" ? "…" : ""}`,
    ),
  );
  return el(
    "div.fr-reasons",
    { role: "group", "aria-label": "Why is it dropped?" },
    el("p", {}, el("strong", {}, "Why is it dropped?"), " One key; Esc leaves it."),
    choices,
  );
}

// As Python reads it: one line, without control characters.
const oneLine = (text) => text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim();

function lineQuestion(label, text, run) {
  const field = el("textarea", { rows: 3, "aria-label": label, maxlength: MOST_CHARS, spellcheck: "true", lang: "en" });
  field.value = text;
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      run(oneLine(field.value));
    }
  });
  return el(
    "div.fr-line",
    {},
    el("p", {}, el("strong", {}, label)),
    field,
    el(
      "div.fr-row",
      {},
      button("Done (Enter)", () => run(oneLine(field.value))),
      button("Leave it (Esc)", leaveQuestion),
    ),
  );
}

function leaveQuestion() {
  asking = null;
  draw();
  byName("stage").focus({ preventScroll: true });
}

function drawProgress() {
  const done = votes.size;
  const of = {};
  for (const { verdict: name } of votes.values()) of[name] = (of[name] ?? 0) + 1;
  const parts = SHOWN.filter(([name]) => of[name]).map(([name, words]) => `${count(of[name])} ${words}`);
  byName("progress").textContent = `${count(done)} of ${counted(review.count, "sample")} voted`;
  byName("counts").textContent = parts.join(" · ");
  byName("bar").value = done;
  byName("bar").max = review.count;
  byName("place").textContent = `${count(at + 1)} of ${count(review.count)}`;
  byName("previous").disabled = seek(at, -1) === null;
  byName("next").disabled = seek(at, 1) === null;
  byName("undo").disabled = !steps.length;
  byName("save").textContent = `Save ${counted(done, "vote")}`;
  byName("unkept").hidden = votesAreKept;
}
