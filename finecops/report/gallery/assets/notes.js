// Tags and notes: kept in this browser for this report, exported as JSON Lines.

const notes = new Map(); // sample id → { tags, note, changed }
let notesAreKept = true;
let notesChanged = 0; // how often; cards show them

function notesKey() {
  return `finecops-notes:${data.name}`;
}

function readNotes() {
  try {
    // Some browsers forbid this to pages from the file system.
    localStorage.setItem("finecops-test", "1");
    localStorage.removeItem("finecops-test");
    takeKept();
  } catch {
    notesAreKept = false;
  }
}

// What the browser keeps. Another page may have written it, so only texts are taken.
function takeKept() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(notesKey()) ?? "{}") ?? {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  notes.clear();
  for (const [id, found] of Object.entries(kept)) {
    const { tags, note, changed } = found ?? {};
    const words = Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
    const text = typeof note === "string" ? note : "";
    if (words.length || text) notes.set(id, { tags: words, note: text, changed: String(changed ?? "") });
  }
}

function setNote(id, tags, note) {
  notesChanged += 1;
  try {
    // The same report may be open twice: what the other page wrote in the meantime is not lost.
    if (notesAreKept) takeKept();
  } catch {
    notesAreKept = false;
  }
  const words = [...new Set(tags.map((tag) => tag.trim()).filter(Boolean))];
  if (words.length || note.trim()) notes.set(id, { tags: words, note, changed: new Date().toISOString() });
  else notes.delete(id);
  try {
    if (notesAreKept) localStorage.setItem(notesKey(), JSON.stringify(Object.fromEntries(notes)));
  } catch {
    // Full, or forbidden in the meantime.
    notesAreKept = false;
  }
}

function allTags() {
  return [...new Set([...notes.values()].flatMap((each) => each.tags))].sort();
}

const ANY_NOTE = "*";

function isTagged(id, tag) {
  const found = notes.get(id);
  return found !== undefined && (tag === ANY_NOTE || found.tags.includes(tag));
}

function notesAsLines() {
  const lines = [...notes].map(([id, { tags, note, changed }]) =>
    JSON.stringify({ sample_id: id, tags, note, changed }),
  );
  return lines.map((line) => `${line}\n`).join("");
}

function exportNotes() {
  const url = URL.createObjectURL(new Blob([notesAsLines()], { type: "application/jsonl" }));
  const link = el("a", { href: url, download: `${data.name.replace(/[^\w.-]+/g, "_")}-notes.jsonl` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
