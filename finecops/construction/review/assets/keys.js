// The keyboard: single keys, never while somebody writes.

const KEYS = [
  ["K", "keep", keep],
  ["D", "drop; then one key for the reason", () => ask("reason")],
  ["F", "fix the text; Enter takes it", () => ask("text")],
  ["U", "unsure", beUnsure],
  ["Z", "undo, as often as you like", undo],
  ["Delete", "remove the vote of this sample", clearVote],
  ["→ or J", "next", () => step(1)],
  ["←", "previous", () => step(-1)],
  ["N", "next sample without a vote", nextWithoutVote],
  ["G", "go to a number or an id", () => byName("go").focus()],
  ["P", "the positive that a negative was made from", () => toggle("positive")],
  ["B", "hide or show the box", () => toggle("box")],
  ["E", "enlarge what is in the box", () => toggle("enlarge")],
  ["S", "save the votes as a file", save],
  ["L", "load votes from a file", chooseFile],
  ["?", "this help", () => byName("help").showModal()],
];
const NAMES = { ArrowRight: "J", ArrowLeft: "←", Backspace: "Delete", j: "J" };
const RUNS = new Map(KEYS.map(([key, , run]) => [key === "→ or J" ? "J" : key, run]));

function makeHelp() {
  const rows = KEYS.map(([key, what]) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, what)),
  );
  byName("keys").replaceChildren(el("tbody", {}, rows));
}

const isWriting = (target) =>
  target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select") !== null;

function keyPressed(event) {
  if (root.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escaped(event);
  if (isWriting(event.target) || event.altKey || event.metaKey) return;
  const undoing = event.ctrlKey && event.key === "z";
  if (event.ctrlKey && !undoing) return;
  const run = undoing ? undo : runOf(event);
  if (!run) return;
  event.preventDefault();
  // A key that is held down is one vote.
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  run();
}

// Keyboards of other alphabets have the letters in their places, and some have digits with Shift alone.
function runOf({ key, code }) {
  const letter = /^[ -~]$/.test(key) ? key : (/^Key([A-Z])$/.exec(code)?.[1] ?? key);
  if (asking !== "reason")
    return RUNS.get(NAMES[letter] ?? (letter.length === 1 ? letter.toUpperCase() : letter)) ?? null;
  const reason = review.reasons[Number(/^(?:Digit|Numpad)(\d)$/.exec(code)?.[1] ?? key) - 1];
  if (reason) return () => dropFor(reason[0]);
  // No other vote by accident while the reason is wanted.
  return key.length === 1 || key.startsWith("Arrow")
    ? () => say(`A key from 1 to ${review.reasons.length} says why it is dropped; Esc leaves it.`)
    : null;
}

function escaped(event) {
  if (asking !== null) {
    event.preventDefault();
    leaveQuestion();
  } else if (isWriting(event.target)) byName("stage").focus({ preventScroll: true });
}
