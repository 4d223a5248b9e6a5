// The page comes to life.

function start() {
  root = document.getElementById("review");
  readData();
  makeHelp();
  bind();
  root.classList.add("fc-ready");
  root.dataset.samples = review.count;
  if (review.rater) return begin(review.rater);
  byName("rater-field").value = lastRater();
  byName("who").showModal();
}

function begin(name) {
  startVotes(name);
  byName("rater").textContent = name;
  goTo(seek(-1, 1, hasNoVote) ?? 0);
  say(votes.size ? `This browser keeps ${counted(votes.size, "vote")} of ${name}.` : "? shows the keys.");
}

function bind() {
  const actions = { keep, drop: () => ask("reason"), fix: () => ask("text"), unsure: beUnsure };
  for (const each of root.querySelectorAll("[data-verdict]")) {
    each.addEventListener("click", actions[each.dataset.verdict]);
  }
  const clicks = {
    undo,
    save,
    load: chooseFile,
    previous: () => step(-1),
    next: () => step(1),
    compare: () => toggle("positive"),
    box: () => toggle("box"),
    enlarge: () => toggle("enlarge"),
    "open-help": () => byName("help").showModal(),
    "close-help": () => byName("help").close(),
  };
  for (const [name, run] of Object.entries(clicks)) byName(name).addEventListener("click", run);
  const shownField = byName("shown");
  shownField.append(...SHOWN.map(([value, text]) => el("option", { value }, text)));
  shownField.addEventListener("change", () => show(shownField.value));
  byName("file").addEventListener("change", ({ target }) => target.files.length && load(target.files[0]));
  byName("go").addEventListener("keydown", ({ key, target }) => {
    if (key !== "Enter") return;
    const wanted = target.value;
    target.value = "";
    goToNumber(wanted);
  });
  byName("rater").disabled = Boolean(review.rater);
  byName("rater").addEventListener("click", () => byName("who").showModal());
  // Without a name there is nobody whose votes these are; browsers close a dialog at a second Escape in any case.
  byName("who").addEventListener("close", () => !rater && byName("who").showModal());
  byName("who-done").addEventListener("click", nameGiven);
  byName("rater-field").addEventListener("keydown", ({ key }) => key === "Enter" && nameGiven());
  document.addEventListener("keydown", keyPressed);
  window.addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
}

function nameGiven() {
  const name = oneLine(byName("rater-field").value)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "")
    .trim();
  byName("who-problem").hidden = Boolean(name);
  if (!name) return;
  if (name !== rater) begin(name);
  byName("who").close();
  // Not the field that is hidden now: the next key is a vote.
  byName("stage").focus({ preventScroll: true });
}

// The markup is there before the scripts, but nothing relies on it.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
else start();
