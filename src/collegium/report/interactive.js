"use strict";
(() => {
  const sorted = new Map(); // a table's caption, then its column and direction
  const nameOf = (table) => (table.caption ? table.caption.textContent : "");

  function valueOf(row, column) {
    const cell = row.cells[column];
    const data = cell.querySelector("data");
    return data ? data.value : cell.textContent.trim();
  }

  function order(one, other) {
    const absent = (one === "") - (other === "");
    if (absent) return { absent };
    const [a, b] = [Number(one), Number(other)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return { found: a - b };
    return { found: one.localeCompare(other, "en", { numeric: true }) };
  }

  function sort(table, column, descending) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([one], [other]) => {
      const { absent, found } = order(one, other);
      return absent || (descending ? -found : found);
    });
    body.append(...rows.map(([, row]) => row));
    for (const head of table.tHead.rows[0].cells) {
      if (head.cellIndex !== column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    }
  }

  function prepare(root) {
    for (const table of root.querySelectorAll("table.sortable")) {
      const name = nameOf(table);
      for (const head of table.tHead.rows[0].cells) {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const column = head.cellIndex;
          const before = sorted.get(name);
          const descending = Boolean(before && before.column === column && !before.descending);
          sorted.set(name, { column, descending });
          sort(table, column, descending);
        });
      }
      const before = sorted.get(name);
      if (before) sort(table, before.column, before.descending);
    }
  }

  // What a reader has chosen or opened stays so when the page is fetched anew.
  function replace(fresh) {
    const main = document.querySelector("main");
    const places = (root) => [...root.querySelectorAll("a, button, summary")];
    const focused = places(main).indexOf(document.activeElement);
    const open = [...main.querySelectorAll("details")].map((one) => one.open);
    fresh.querySelectorAll("details").forEach((one, place) => (one.open = Boolean(open[place])));
    prepare(fresh);
    main.replaceWith(fresh);
    if (focused >= 0) places(fresh)[focused]?.focus({ preventScroll: true });
  }

  function live(seconds, served) {
    const place = document.querySelector("#live");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    const label = document.createElement("label");
    label.append(box, ` Look again every ${seconds} seconds`);
    const said = document.createElement("span");
    place.replaceChildren(label, said);
    let before = served;
    const look = async () => {
      if (!box.checked || document.hidden) return;
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (!answer.ok) throw new Error(`it answers ${answer.status}`);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("main");
        if (fresh && fresh.outerHTML !== before) {
          before = fresh.outerHTML;
          replace(document.importNode(fresh, true));
        }
        said.textContent = ` (as of ${new Date().toLocaleTimeString()})`;
      } catch (error) {
        said.textContent = ` (no answer: ${error.message})`;
      }
    };
    const again = () => look().finally(() => setTimeout(again, 1000 * seconds));
    setTimeout(again, 1000 * seconds);
  }

  const served = document.querySelector("main").outerHTML;
  prepare(document);
  if (document.body.dataset.live) live(Number(document.body.dataset.live), served);
})();
