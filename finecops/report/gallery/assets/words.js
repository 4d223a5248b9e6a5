// Words of expressions: the target phrase inside one, and what differs between two.

const MOST_CELLS = 250000; // of the table of a comparison; longer texts are compared as a whole

// The expression with the target phrase marked. Offsets count characters as Python does: an emoji is one.
function withPhrase(row) {
  const text = data.expression[row];
  const span = data.phrase[row];
  if (!span) return [text];
  const characters = /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
  const part = (from, to) =>
    typeof characters === "string" ? characters.slice(from, to) : characters.slice(from, to).join("");
  const mark = el("mark.fc-phrase", { title: "target phrase" }, part(span[0], span[1]));
  return [part(0, span[0]), mark, part(span[1])];
}

// The words of both texts as [word, changed] lists: words of the longest common subsequence are not changed.
function compareWords(before, after) {
  const a = before.split(/\s+/).filter(Boolean);
  const b = after.split(/\s+/).filter(Boolean);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const [sameA, sameB] = commonWords(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const marked = (words, same) =>
    words.map((word, i) => [word, i >= head && i < words.length - tail && !same.has(i - head)]);
  return [marked(a, sameA), marked(b, sameB)];
}

// Indices of the words of a longest common subsequence, in both lists.
function commonWords(a, b) {
  const same = [new Set(), new Set()];
  if (!a.length || !b.length || a.length * b.length > MOST_CELLS) return same;
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width); // of a[i:] and b[j:]
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      same[0].add(i++);
      same[1].add(j++);
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return same;
}

// Words as text, runs of changed ones inside one element (`del` or `ins`).
function markedWords(words, tag) {
  const parts = [];
  let run = [];
  const flush = () => {
    if (run.length) parts.push(el(tag, {}, run.join(" ")), " ");
    run = [];
  };
  for (const [word, changed] of words) {
    if (changed) run.push(word);
    else {
      flush();
      parts.push(`${word} `);
    }
  }
  flush();
  return parts;
}
