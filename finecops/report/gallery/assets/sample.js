// One sample, opened: the picture with every box, and everything that is known about it.

let opened = null; // the row that is shown
let unsaved = null; // a function that saves what was written last
let order = []; // the rows that "previous" and "next" go through

function openSample(row) {
  const dialog = byName("sample");
  if (row === null) {
    if (dialog.open) dialog.close();
    return;
  }
  if (opened === row && dialog.open) return drawPlace();
  opened = row;
  drawSample(row);
  if (!dialog.open) dialog.showModal();
  byName("sample-body").scrollTop = 0;
}

function drawPlace() {
  const at = order.indexOf(opened);
  byName("sample-place").textContent =
    at < 0 ? "not among the samples shown" : `${count(at + 1)} of ${count(order.length)}`;
  byName("previous").disabled = at <= 0;
  byName("next").disabled = at < 0 || at >= order.length - 1;
}

function step(by) {
  const at = order.indexOf(opened) + by;
  if (at >= 0 && at < order.length) change({ sample: data.id[order[at]] });
}

function drawSample(row) {
  saveNote();
  byName("sample-title").replaceChildren(outside(data.id[row]));
  drawPlace();
  const rest = el("div.fc-rest", { "aria-live": "polite" }, el("p.fc-remark", {}, "Loading…"));
  const frame = el("div.fc-large", {}, picture(row, labelledBoxes(row), `The picture of sample ${data.id[row]}`));
  // Very long or high pictures keep a frame that leaves room for the rest.
  const [width, height] = sizeOf(row, firstBoxes(row));
  frame.firstChild.style.aspectRatio = Math.min(3, Math.max(0.8, width / height));
  const legend = el("div.fc-switches", { role: "group", "aria-label": "Boxes" }, switches([...kinds.keys()]));
  byName("sample-body").replaceChildren(
    el("div.fc-left", {}, frame, legend),
    el("div.fc-right-side", {}, headSection(row), familySection(row), rest, noteSection(row)),
  );
  details(row)
    .then((found) => {
      if (opened === row) drawDetails(row, found, rest, frame);
    })
    .catch((error) => rest.replaceChildren(el("p.fc-error", { role: "alert" }, error.message)));
}

function labelledBoxes(row) {
  return firstBoxes(row).map(([kind, box]) => [kind, box, kind === "truth" ? "truth" : kinds.get(kind).key]);
}

function drawDetails(row, found, rest, frame) {
  const boxes = [["truth", found.box, "truth"]];
  const letters = data.methods.map((method) => found.answers[method.key]).find((answer) => answer?.letters);
  for (const box of letters?.boxes ?? found.candidates?.boxes ?? []) {
    const at = (letters?.boxes ?? found.candidates.boxes).indexOf(box);
    boxes.push(["candidates", box, letters ? letters.letters[at] : String(at + 1)]);
  }
  for (const box of found.route?.boxes ?? []) boxes.push(["router", box, null]);
  for (const method of data.methods) {
    const answer = found.answers[method.key];
    if (answer?.boxes?.length) boxes.push([`m${method.index}`, answer.boxes[0], kinds.get(`m${method.index}`).key]);
  }
  frame.querySelector(".fc-boxes").replaceWith(overlay(row, boxes));
  for (const kind of ["candidates", "router"]) {
    const there = boxes.some(([name]) => name === kind);
    byName("sample").querySelector(`[data-switch="${kind}"]`).hidden = !there;
  }
  const absent = data.kinds[data.kind[row]] === "unknown" ? "unknown" : "not there";
  const size = data.width[row] ? `${data.width[row]} × ${data.height[row]} pixels` : "size of the image unknown";
  const about = `${found.dataset}, ${found.split} · ${size} · `;
  rest.replaceChildren(
    ...[
      answersSection(row, found),
      routeSection(found),
      candidatesSection(found),
      section(
        "Sample",
        el("p", {}, about, outside(found.file, "code")),
        el("p", {}, `Truth: ${found.box ? boxText(found.box) : absent}`),
      ),
    ].filter(Boolean),
  );
}

function headSection(row) {
  const words = counted(data.words[row], "word");
  const size = data.size[row] === null ? [] : [`target ${Number(data.size[row].toPrecision(2))} % of the image`];
  return el(
    "div.fc-head",
    {},
    el("p.fc-sentence", { dir: "auto" }, withPhrase(row)),
    el(
      "p.fc-facts",
      {},
      [...facts(row), words, ...size].join(" · "),
      " · ",
      el("a", { href: linkTo(row) }, "link to this sample"),
    ),
  );
}

// What is written is saved when its field is left, and also when the sample or the page is closed before.
function saveNote() {
  if (!unsaved) return;
  unsaved();
  unsaved = null;
  change({});
}

// A positive with its negatives, whichever of them is open.
function familySection(row) {
  const positive = data.positive[row] >= 0 ? data.positive[row] : row;
  const negatives = data.negatives.get(positive) ?? [];
  if (!negatives.length) return null;
  const items = negatives.slice(0, 20).map((negative) => {
    const [before, after, remark] = pairWords(negative);
    const open = negative === row ? positive : negative;
    const title =
      negative === row ? "Its positive" : `Negative ${facts(negative).slice(0, 1)[0].replace("negative ", "")}`;
    const link = el("a.fc-family-open", { href: linkTo(open) }, picture(open, firstBoxes(open)));
    link.setAttribute(
      "aria-label",
      `Open ${open === positive ? "the positive" : "the negative"}, sample ${data.id[open]}`,
    );
    return el(
      "li",
      {},
      link,
      el(
        "div",
        {},
        el(
          "p.fc-facts",
          {},
          `${title} · `,
          data.negative_type[negative] >= 0
            ? data.negative_types[data.negative_type[negative]].replaceAll("_", " ")
            : "type not stated",
          ` · `,
          outside(data.id[open]),
        ),
        el("p", {}, el("span.fc-word-kind", {}, "positive "), el("span", { dir: "auto" }, before)),
        el("p", {}, el("span.fc-word-kind", {}, "negative "), el("span", { dir: "auto" }, after)),
        remark ? el("p.fc-remark", {}, remark) : null,
        pairTable(negative),
      ),
    );
  });
  // The pair that is open comes first.
  const first = negatives.indexOf(row);
  if (first > 0 && first < items.length) items.unshift(...items.splice(first, 1));
  const more =
    negatives.length > items.length
      ? el("p.fc-remark", {}, `and ${negatives.length - items.length} more negatives`)
      : null;
  return section(
    negatives.length === 1 ? "The pair" : `The positive and its ${negatives.length} negatives`,
    el("ul.fc-family", {}, items),
    more,
  );
}

function noteSection(row) {
  const id = data.id[row];
  const found = notes.get(id) ?? { tags: [], note: "" };
  const tags = el("input", {
    type: "text",
    placeholder: "tags, with commas between",
    "aria-label": "Tags",
    name: "tags",
    autocomplete: "off",
  });
  const note = el("textarea", { rows: 2, placeholder: "note", "aria-label": "Note", name: "note" });
  tags.value = found.tags.join(", ");
  note.value = found.note;
  for (const field of [tags, note]) {
    field.addEventListener("input", () => {
      unsaved = () => setNote(id, tags.value.split(","), note.value);
    });
    field.addEventListener("change", saveNote);
  }
  const remark = notesAreKept
    ? null
    : el("p.fc-remark", {}, "This browser keeps nothing for this page: export notes before you close it.");
  return section("Tags and note", el("div.fc-note", {}, tags, note), remark);
}
