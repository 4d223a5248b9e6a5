// What keys and buttons do.

function say(text) {
  byName("message").textContent = text;
}

function give(found) {
  const { id } = review.rows[at];
  setVotes([[id, found]], at);
  goOn(`${VERDICTS[found.verdict]}: sample ${id}`);
}

const keep = () => give(vote("keep"));
const beUnsure = () => give(vote("unsure"));

function ask(what) {
  asking = what;
  draw();
}

function dropFor(reason) {
  if (reason === "other") ask("note");
  else give(vote("drop", { reason }));
}

function dropWithNote(note) {
  give(vote("drop", { reason: "other", note: note || null }));
}

function fixText(text) {
  if (!text) return say("A sentence has words: Esc leaves it as it was.");
  if (text.length > MOST_CHARS) return say(`A sentence has at most ${count(MOST_CHARS)} characters.`);
  if (text === review.rows[at].text) return say("The sentence is as it was. K keeps it, Esc leaves the field.");
  give(vote("fix", { text }));
}

function undo() {
  const row = undoVotes();
  if (row === null) return say("There is nothing to undo since the page was opened.");
  goTo(row);
  say("undone");
}

function clearVote() {
  const { id } = review.rows[at];
  if (!votes.has(id)) return say("This sample has no vote.");
  setVotes([[id, null]], at);
  draw();
  say(`The vote on sample ${id} is removed.`);
}

function step(by) {
  const row = seek(at, by);
  if (row === null) say(by > 0 ? "This is the last one." : "This is the first one.");
  else goTo(row);
}

function nextWithoutVote() {
  const row = seek(at, 1, hasNoVote) ?? seek(-1, 1, hasNoVote);
  if (row === null) say("Every sample has a vote.");
  else goTo(row);
}

function toggle(what) {
  const row = review.rows[at];
  if (what === "positive") {
    if (!row.positive) return say("Only a negative whose positive is known has one to show.");
    positiveIsShown = !positiveIsShown;
  } else if (!staged(row).box) return say("There is no box here.");
  else if (what === "box") boxIsShown = !boxIsShown;
  else enlarged = !enlarged;
  draw();
}

function save() {
  if (!votes.size) return say("There is no vote to save yet.");
  saveVotes();
  say(`Saved ${counted(votes.size, "vote")} of ${counted(review.count, "sample")} as ${votesFileName()}.`);
}

async function load(file) {
  let text = "";
  try {
    text = await file.text();
  } catch {
    return say(`${file.name} cannot be read.`);
  }
  const [found, refused] = votesOfLines(text);
  if (found.length) setVotes(found, at);
  draw();
  const others = [...refused].map(([why, number]) => `${count(number)} ${why}`);
  const more = others.length ? `; left out: ${others.join(", ")}` : "";
  say(`Loaded ${counted(found.length, "vote")}${more}.${found.length ? " Z undoes this." : ""}`);
}

function chooseFile() {
  byName("file").value = "";
  byName("file").click();
}

function goToNumber(text) {
  const wanted = text.trim();
  const number = Number(wanted);
  const row = review.rowOf.get(wanted) ?? (Number.isInteger(number) ? number - 1 : -1);
  byName("stage").focus({ preventScroll: true });
  if (row < 0 || row >= review.count)
    return say(`There is no sample ${wanted}: G, then 1 to ${review.count} or an id.`);
  goTo(row);
}

function show(which) {
  shown = which;
  byName("shown").value = which;
  const row = passes(at) ? at : (seek(at, 1) ?? seek(at, -1));
  if (row !== null) return goTo(row);
  show("all");
  say("No sample is of that kind: here are all of them.");
}
