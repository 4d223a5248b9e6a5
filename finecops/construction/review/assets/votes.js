// Votes: kept in this browser for a rater and this page, undone step by step, saved and loaded as JSON Lines.

const VERDICTS = { keep: "keep", fix: "text fixed", drop: "drop", unsure: "unsure" };
const MOST_CHARS = 10000; // of a text or a note: more is refused when the votes are read
const MOST_UNDONE = 500;

const votes = new Map(); // sample id → { verdict, reason, text, note, changed }
const steps = []; // to undo: { row, before: [[id, vote or null]] }
let rater = "";
let votesAreKept = true;
let unsaved = false; // something that neither the browser nor a file has

const votesKey = () => `finecops-review:${review.sha256}:${review.page}:${rater}`;

function startVotes(name) {
  rater = name;
  votes.clear();
  steps.length = 0;
  try {
    // Some browsers forbid this to pages from the file system.
    localStorage.setItem("finecops-test", "1");
    localStorage.removeItem("finecops-test");
    takeKept();
    if (!review.rater) localStorage.setItem("finecops-rater", rater);
  } catch {
    votesAreKept = false;
  }
}

function lastRater() {
  try {
    return localStorage.getItem("finecops-rater") ?? "";
  } catch {
    return "";
  }
}

// What the browser keeps. Another page may have written it.
function takeKept() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(votesKey()) ?? "{}") ?? {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  votes.clear();
  for (const [id, found] of Object.entries(kept)) {
    const vote = soundVote(found);
    if (vote && review.rowOf.has(id)) votes.set(id, vote);
  }
}

const shortText = (text) => typeof text === "string" && text.trim() !== "" && text.length <= MOST_CHARS;

// A vote from outside, or null where it is none.
function soundVote(found) {
  const { verdict, reason = null, text = null, note = null, changed = "" } = found ?? {};
  if (!Object.hasOwn(VERDICTS, verdict) || typeof changed !== "string") return null;
  if ((verdict === "drop") !== (reason !== null) || (verdict === "fix") !== (text !== null)) return null;
  if (reason !== null && !review.reasons.some(([name]) => name === reason)) return null;
  if ((text !== null && !shortText(text)) || (note !== null && !shortText(note))) return null;
  return { verdict, reason, text, note, changed };
}

// Change votes as one step that can be undone; changes: [id, vote or null] pairs.
function setVotes(changes, row) {
  refresh();
  steps.push({ row, before: changes.map(([id]) => [id, votes.get(id) ?? null]) });
  if (steps.length > MOST_UNDONE) steps.shift();
  put(changes);
}

function undoVotes() {
  const step = steps.pop();
  if (!step) return null;
  refresh();
  put(step.before);
  return step.row;
}

// The same page may be open twice: what the other one wrote in the meantime is not lost.
function refresh() {
  try {
    if (votesAreKept) takeKept();
  } catch {
    votesAreKept = false;
  }
}

function put(changes) {
  for (const [id, vote] of changes) {
    if (vote) votes.set(id, vote);
    else votes.delete(id);
  }
  try {
    if (votesAreKept) localStorage.setItem(votesKey(), JSON.stringify(Object.fromEntries(votes)));
  } catch {
    // Full, or forbidden in the meantime.
    votesAreKept = false;
  }
  unsaved = !votesAreKept;
}

function vote(verdict, { reason = null, text = null, note = null } = {}) {
  return { verdict, reason, text, note, changed: new Date().toISOString() };
}

function votesAsLines() {
  const { name, split, sha256, page, round } = review;
  // In the page's order, so that two files are compared line by line.
  const rows = review.rows.filter(({ id }) => votes.has(id));
  const lines = rows.map(({ id }) =>
    JSON.stringify({ sample_id: id, rater, ...votes.get(id), round, dataset: name, split, sha256, page }),
  );
  return lines.map((line) => `${line}\n`).join("");
}

function votesFileName() {
  const parts = [review.name, review.split, review.round > 1 ? `round${review.round}` : "", rater].filter(Boolean);
  return `${parts.join("-").replace(/[^\p{L}\p{N}_.-]+/gu, "_")}.votes.jsonl`;
}

function saveVotes() {
  const url = URL.createObjectURL(new Blob([votesAsLines()], { type: "application/jsonl" }));
  el("a", { href: url, download: votesFileName() }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  unsaved = false;
}

// The votes of a file for this page and rater, and what is to be said of the others.
function votesOfLines(text) {
  const found = [];
  const refused = new Map(); // why → how many
  const refuse = (why) => refused.set(why, (refused.get(why) ?? 0) + 1);
  for (const line of text.split("\n").filter((each) => each.trim())) {
    let row = null;
    try {
      row = JSON.parse(line);
    } catch {
      // It is refused below.
    }
    const sound = soundVote(row);
    if (!sound) refuse("no vote");
    else if (row.page !== review.page || row.sha256 !== review.sha256) refuse("of another page");
    else if (row.rater !== rater) refuse("of another rater");
    else if (!review.rowOf.has(row.sample_id)) refuse("of another sample");
    else found.push([row.sample_id, sound]);
  }
  return [found, refused];
}
