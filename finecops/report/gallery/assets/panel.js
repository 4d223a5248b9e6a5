// The filters as controls. Each choice says how many samples it would show.

const panelParts = []; // functions that bring the controls in line with the state

function makePanel() {
  const panel = byName("filters");
  for (const name of SETS) {
    const options = choices(name);
    // A choice of one is none.
    if (options.length > 1) panel.append(setOfChoices(name, options));
    if (name === "kind" && data.methods.length) panel.append(answerChoices());
  }
  if (data.methods.length > 1) panel.append(methodsCompared());
  panel.append(ranges(), tagChoice());
  // On a narrow screen the filters are above the samples, and long.
  const done = button("", toggleFilters, { class: "fc-button fc-done" });
  panelParts.push(() => {
    done.textContent = `Show ${counted(order.length, state.view === "pairs" ? "pair" : "sample")}`;
  });
  panel.append(done);
}

function group(title, name, ...children) {
  return el("fieldset.fc-group", { "data-filter": name }, el("legend", {}, title), children);
}

const MOST_CHOICES = 40; // of a set; a file may have a type for each sample

function setOfChoices(name, options) {
  const lines = options.slice(0, MOST_CHOICES).map(([value, text]) => {
    const box = el("input", { type: "checkbox", value, on: { change: () => toggle(box.checked) } });
    const toggle = (on) => {
      const chosen = new Set(state[name]);
      if (on) chosen.add(value);
      else chosen.delete(value);
      change({ [name]: chosen });
    };
    const number = el("span.fc-count");
    panelParts.push((passed, counts) => {
      box.checked = state[name].has(value);
      number.textContent = count(counts(name).get(value) ?? 0);
    });
    return el("label.fc-choice", {}, box, outside(text, "span"), number);
  });
  const more = options.length - MOST_CHOICES;
  if (more > 0) lines.push(el("p.fc-remark", {}, `and ${count(more)} more, of which none can be chosen here`));
  return group(SET_TITLES[name], name, lines);
}

// For each method two choices: right or wrong, and what the answer is. "A right and B wrong" is one choice of each.
function answerChoices() {
  const outcomes = [
    ["", "any answer"],
    ...data.outcomes.map((name) => [name, OUTCOME_NAMES[name] ?? name]),
    ["unasked", "not asked"],
  ];
  const lines = data.methods.map((method) => {
    const set = (name) => (value) => change({ [name]: { ...state[name], [method.key]: value } });
    const right = select(
      `${method.label}: right or wrong`,
      [
        ["", "any verdict"],
        ["right", "right"],
        ["wrong", "wrong"],
      ],
      "",
      set("right"),
      { "data-filter": "right" },
    );
    const outcome = select(`${method.label}: answer`, outcomes, "", set("outcome"), { "data-filter": "outcome" });
    const controls = [right, outcome];
    panelParts.push(() => {
      right.value = state.right[method.key] ?? "";
      outcome.value = state.outcome[method.key] ?? "";
    });
    if (method.pair.some((hit) => hit !== null)) {
      const pair = select(
        `${method.label}: pair`,
        [
          ["", "any pair"],
          ["won", "pair won"],
          ["tied", "pair tied"],
          ["lost", "pair lost"],
        ],
        "",
        set("pair"),
        { "data-filter": "pair" },
      );
      panelParts.push(() => (pair.value = state.pair[method.key] ?? ""));
      controls.push(pair);
    }
    return el(
      "div.fc-of-method",
      {},
      el("div.fc-name", { title: method.label }, swatch(`m${method.index}`), el("span.fc-method", {}, method.short)),
      el("div.fc-selects", {}, controls),
    );
  });
  const differ = el("input", { type: "checkbox", on: { change: () => change({ disagree: differ.checked }) } });
  panelParts.push(() => (differ.checked = state.disagree));
  if (data.methods.length > 1)
    lines.push(el("label.fc-choice", {}, differ, el("span", {}, "methods disagree: one right, one wrong")));
  return group("Answers", "answers", lines);
}

function methodOptions() {
  return data.methods.map((method) => [method.key, method.label]);
}

function chosenMethod(name, label) {
  const list = select(label, methodOptions(), state[name], (value) => change({ [name]: value }));
  panelParts.push(() => (list.value = state[name]));
  return list;
}

function methodsCompared() {
  const line = (letter, name) =>
    el("label.fc-line", {}, el("span", {}, letter), chosenMethod(name, `Method ${letter}`));
  return group("Two methods, for four cells and score gaps", "two", line("A", "a"), line("B", "b"));
}

function ranges() {
  const ends = (name, unit, label) =>
    [0, 1].map((end) => {
      const input = el("input.fc-end", {
        type: "number",
        step: "any",
        "aria-label": `${label}, ${end ? "at most" : "at least"}`,
        placeholder: end ? "max" : "min",
      });
      input.addEventListener("change", () => {
        const range = [...state[name]];
        range[end] = input.value.trim() === "" ? null : Number(input.value);
        change({ [name]: range });
      });
      panelParts.push(() => (input.value = state[name][end] ?? ""));
      return input;
    });
  const lines = [];
  if (data.methods.length) {
    lines.push(
      el("div.fc-range", {}, chosenMethod("scoreOf", "Score of"), el("span.fc-ends", {}, ends("score", "", "Score"))),
    );
  }
  lines.push(
    el(
      "div.fc-range",
      {},
      el("span", {}, "Target, % of the image"),
      el("span.fc-ends", {}, ends("size", "%", "Size of target in per cent of the image")),
    ),
  );
  return group("Score and size", "ranges", lines);
}

function tagChoice() {
  const list = el("select", { "aria-label": "Tag", on: { change: () => change({ tag: list.value }) } });
  panelParts.push(() => {
    const tags = allTags();
    if (state.tag && state.tag !== ANY_NOTE && !tags.includes(state.tag)) tags.push(state.tag);
    list.replaceChildren(el("option", { value: "" }, "any"), el("option", { value: ANY_NOTE }, "with tag or note"));
    list.append(...tags.map((tag) => el("option", { value: tag }, tag)));
    list.value = state.tag;
  });
  const save = button("Export notes (JSONL)", exportNotes);
  const remark = el("p.fc-remark");
  panelParts.push(() => {
    save.disabled = notes.size === 0;
    remark.textContent = notesAreKept
      ? `${counted(notes.size, "sample")} with tags or notes, kept in this browser alone.`
      : "This browser keeps nothing for this page: notes are lost when it is closed. Export them before.";
  });
  return group("Tags and notes", "notes", list, save, remark);
}

function drawPanel(passed) {
  const made = new Map();
  const counts = (name) => {
    if (!made.has(name)) made.set(name, countsOf(name, passed));
    return made.get(name);
  };
  for (const part of panelParts) part(passed, counts);
  drawChips();
}

// The filters in force, each with a button that ends it.
function drawChips() {
  const chips = [];
  const chip = (text, changes) =>
    chips.push(
      el(
        "button.fc-chip",
        { type: "button", title: "Remove this filter", on: { click: () => change(changes()) } },
        outside(text, "span"),
        el("span", { "aria-hidden": "true" }, " ×"),
      ),
    );
  if (state.text) chip(`text: ${state.text}`, () => ({ text: "" }));
  for (const name of SETS) {
    const titles = new Map(choices(name));
    if (state[name].size)
      chip(`${SET_TITLES[name]}: ${[...state[name]].map((value) => titles.get(value)).join(" or ")}`, () => ({
        [name]: new Set(),
      }));
  }
  for (const name of ["right", "outcome", "pair"]) {
    for (const method of data.methods) {
      const value = state[name][method.key];
      const word = name === "pair" ? `pair ${value}` : (OUTCOME_NAMES[value] ?? value);
      if (value) chip(`${method.label}: ${word}`, () => ({ [name]: { ...state[name], [method.key]: "" } }));
    }
  }
  if (state.disagree) chip("methods disagree", () => ({ disagree: false }));
  const range = ([low, high]) => `${low ?? "…"} to ${high ?? "…"}`;
  if (state.score.some((end) => end !== null)) {
    const method = data.methods.find(({ key }) => key === state.scoreOf);
    chip(`score of ${method?.label}: ${range(state.score)}`, () => ({ score: [null, null] }));
  }
  if (state.size.some((end) => end !== null))
    chip(`target: ${range(state.size)} % of the image`, () => ({ size: [null, null] }));
  if (state.tag) chip(state.tag === ANY_NOTE ? "with tag or note" : `tag: ${state.tag}`, () => ({ tag: "" }));
  if (chips.length) chips.push(button("Clear all", clearFilters, { class: "fc-clear" }));
  byName("chips").replaceChildren(...chips);
  byName("filter-count").textContent = chips.length ? ` (${chips.length - 1})` : "";
}

function clearFilters() {
  const { view, a, b, sort, sortOf, down, sample } = state;
  change({ ...plainState(), view, a, b, sort, sortOf, down, sample });
}
