// The page's data: rows to vote on, what negatives were made from, and pictures that are read when they are shown.

const review = {}; // the data as Python wrote it; see page.py
let root = null;

const byName = (name) => root.querySelector(`[data-fc="${name}"]`);

function readData() {
  Object.assign(review, JSON.parse(document.getElementById("fr-data").textContent));
  review.count = review.rows.length;
  review.rowOf = new Map(review.rows.map(({ id }, row) => [id, row]));
}

// A picture in the page is text until somebody looks at it: thousands of them are decoded one at a time.
function pictureUrl(number) {
  if (number === null) return null;
  if (review.links) return review.links[number];
  const text = document.getElementById(`fr-picture-${number}`)?.textContent;
  return text ? `data:image/webp;base64,${text}` : null;
}

const isNegative = ({ kind }) => kind === "text" || kind === "image" || kind === "other";

// What an item says of itself, in the order in which people ask.
const CLAIMS = {
  positive: ["Positive", "The sentence is true of one thing alone: the one in the box."],
  text: ["Negative expression", "The sentence was changed. Nothing in the image fits it."],
  image: ["Negative image", "The image was changed. Nothing in it fits the sentence."],
  other: ["Negative", "Nothing in the image fits the sentence."],
  unknown: ["Truth unknown", "Nobody stated whether the thing is in the image. Judge image and sentence."],
};

function facts(row) {
  const found = [row.level ? `level ${row.level}` : null, row.tuple_type?.replaceAll("_", " ")];
  if (row.negative_type) {
    const level = row.negative_level ? ` (negative level ${row.negative_level})` : "";
    found.push(`${row.negative_type.replaceAll("_", " ")}${level}`);
  }
  return found.filter(Boolean);
}
