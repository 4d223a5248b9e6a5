// The image with its box: one picture in the page at a time, and the next one read ahead.

let boxIsShown = true;
let enlarged = false;
let positiveIsShown = false;
let ahead = null; // an image that is read before somebody wants it

const PADDING = 0.75; // around an enlarged box, in its own sides
const SMALLEST = 64; // pixels of an enlarged part

// What is on the stage: a row, or the positive that it was made from.
function staged(row) {
  const positive = row.positive && positiveIsShown ? row.positive : null;
  // A changed sentence has the same image; a changed image is compared with the first one, in its place.
  return positive ? { ...positive, dashed: true } : row;
}

function part({ box, size: [width, height] }) {
  if (!enlarged || !box) return [0, 0, width, height];
  const [left, top, right, bottom] = box;
  const wide = Math.min(width, Math.max(SMALLEST, (right - left) * (1 + 2 * PADDING)));
  const high = Math.min(height, Math.max(SMALLEST, (bottom - top) * (1 + 2 * PADDING)));
  const inside = (middle, side, all) => Math.max(0, Math.min(all - side, middle - side / 2));
  return [inside((left + right) / 2, wide, width), inside((top + bottom) / 2, high, height), wide, high];
}

function drawPicture(row) {
  const item = staged(row);
  const url = pictureUrl(item.picture);
  const stage = byName("stage");
  if (url === null) {
    stage.replaceChildren(el("p.fr-nothing", {}, review.problems[item.picture_of] ?? "There is no picture."));
    return;
  }
  const [width, height] = item.size;
  const name = `${item.dashed ? "The positive's image" : "The image"}${item.box ? " with a box" : ", no box"}`;
  const drawing = svg("svg", {
    class: item.dashed ? "fr-picture fr-of-positive" : "fr-picture",
    viewBox: part(item).join(" "),
    role: "img",
    "aria-label": name,
  });
  const image = svg("image", { href: url, width, height, preserveAspectRatio: "none" });
  image.addEventListener("error", () =>
    stage.replaceChildren(el("p.fr-nothing", {}, "The picture cannot be read. Was the page moved without its images?")),
  );
  drawing.append(image);
  if (item.box && boxIsShown) {
    const [left, top, right, bottom] = item.box;
    const place = { x: left, y: top, width: right - left, height: bottom - top };
    drawing.append(svg("rect", { ...place, class: "fr-box-ground" }), svg("rect", { ...place, class: "fr-box" }));
  }
  stage.replaceChildren(drawing);
}

function readAhead(row) {
  const url = row === undefined ? null : pictureUrl(row.picture);
  if (url === null) return;
  ahead = new Image();
  ahead.src = url;
}
