// A list of any length of which only what is in view is in the page: never more than MOST_CARDS cards.

const MOST_CARDS = 60;
const GAP = 14;

// make(row): the element of an item, all of one height. narrowest: the least width of one. cards: how many an item is.
function virtualList(label) {
  const space = el("div.fc-space", { role: "list", "aria-label": label });
  const scroller = el("div.fc-list", {}, space);
  const list = { element: scroller, rows: [], make: null, narrowest: 230, cards: 1 };
  const nodes = new Map(); // index → element in the page
  let [columns, width, height] = [1, 0, 0];

  function measure() {
    const all = Math.max(1, space.clientWidth);
    columns = Math.max(1, Math.floor((all + GAP) / (list.narrowest + GAP)));
    width = (all - GAP * (columns - 1)) / columns;
    if (!list.rows.length) return;
    // Every item is as high as any other: their texts have a fixed number of lines.
    const probe = item(0);
    probe.style.visibility = "hidden";
    space.append(probe);
    height = probe.offsetHeight;
    probe.remove();
    while (columns > 1 && columns * linesInView() * list.cards > MOST_CARDS) {
      columns -= 1;
      width = (all - GAP * (columns - 1)) / columns;
    }
  }

  // Of the frame when it is full.
  const mostHeight = () => parseFloat(getComputedStyle(scroller).maxHeight) || 800;
  const linesInView = () => Math.ceil(mostHeight() / (height + GAP)) + 2;

  function item(index) {
    const node = el("div.fc-item", { role: "listitem", "aria-posinset": index + 1, "aria-setsize": list.rows.length });
    node.dataset.index = index;
    node.style.width = `${width}px`;
    node.append(list.make(list.rows[index]));
    return node;
  }

  function place(node, index) {
    const [line, column] = [Math.floor(index / columns), index % columns];
    node.style.transform = `translate(${column * (width + GAP)}px, ${line * (height + GAP)}px)`;
  }

  function draw() {
    if (!height) return;
    const top = Math.max(0, Math.floor(scroller.scrollTop / (height + GAP)) - 1);
    const first = top * columns;
    const most = Math.floor(MOST_CARDS / list.cards);
    const last = Math.min(list.rows.length, first + Math.min(most, linesInView() * columns));
    for (const [index, node] of nodes) {
      if (index < first || index >= last) {
        forget(node);
        nodes.delete(index);
      }
    }
    let before = null; // of what comes after, so that the order of elements is that of the samples
    for (let index = last - 1; index >= first; index -= 1) {
      let node = nodes.get(index);
      if (!node) {
        node = item(index);
        place(node, index);
        nodes.set(index, node);
        space.insertBefore(node, before);
      }
      before = node;
    }
  }

  function forget(node) {
    for (const image of node.querySelectorAll("img")) seen.unobserve(image);
    node.remove();
  }

  // Show everything anew, from the top unless the rows are the same.
  list.show = (rows, keepPlace) => {
    list.rows = rows;
    for (const node of nodes.values()) forget(node);
    nodes.clear();
    height = 0;
    measure();
    const lines = Math.ceil(rows.length / columns);
    space.style.height = `${Math.max(0, lines * (height + GAP) - GAP)}px`;
    if (!keepPlace) scroller.scrollTop = 0;
    draw();
  };

  list.columns = () => columns;

  // Bring an item into view; its element.
  list.reveal = (index) => {
    const top = Math.floor(index / columns) * (height + GAP);
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + height > scroller.scrollTop + scroller.clientHeight)
      scroller.scrollTop = top + height - scroller.clientHeight;
    draw();
    return nodes.get(index);
  };

  let asked = false;
  const soon = (run) => () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      run();
    });
  };
  scroller.addEventListener("scroll", soon(draw), { passive: true });
  let known = "";
  new ResizeObserver(() => {
    const now = `${space.clientWidth} ${mostHeight()}`;
    if (now === known) return;
    known = now;
    const index = Math.floor(scroller.scrollTop / ((height || 1) + GAP)) * columns;
    list.show(list.rows, true);
    if (index > 0) list.reveal(Math.min(index, list.rows.length - 1));
  }).observe(scroller);
  return list;
}
