"use strict";
(() => {
  const said = document.getElementById("said");
  /** Tell it to whoever does not see it. */
  const say = (text) => { said.textContent = ""; requestAnimationFrame(() => { said.textContent = text; }); };

  /** Put a text on the clipboard; false where the browser keeps it from us. */
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      let done = false;
      try { done = document.execCommand("copy"); } catch { /* it stays false */ }
      area.remove();
      return done;
    }
  };

  // Contents: folded on narrow screens, the present section marked and named.
  const contents = document.querySelector("nav details");
  const here = document.getElementById("here");
  const wide = window.matchMedia("(min-width: 75rem)");
  const fold = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
  const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
  const headings = [...document.querySelectorAll("h2[id]")].filter((h) => links.has(h.id));
  const mark = () => {
    const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const above = headings.filter((h) => h.getBoundingClientRect().top < innerHeight * .3);
    const present = links.get((end && scrollY ? headings : above).at(-1)?.id);
    if (present?.hasAttribute("aria-current")) return;
    for (const a of links.values()) a.removeAttribute("aria-current");
    present?.setAttribute("aria-current", "location");
    present?.scrollIntoView({ block: "nearest" });
    here.textContent = present?.textContent ?? "";
  };
  let waits = false;
  const marks = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; mark(); });
  };
  window.addEventListener("scroll", marks, { passive: true });
  window.addEventListener("resize", marks);
  mark();

  // What scrolls by itself can be reached and scrolled by the keyboard; what does not is no stop on the way.
  const reach = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      if (scrolls) target.tabIndex = 0; else target.removeAttribute("tabindex");
      if (!target.matches(".table")) continue;
      if (scrolls) {
        target.setAttribute("role", "region");
        target.setAttribute("aria-label", tr("Table {name}, scrolls sideways").replace("{name}", target.id.replace("table-", "")));
      } else {
        target.removeAttribute("role");
        target.removeAttribute("aria-label");
      }
    }
  });
  document.querySelectorAll(".table, .plot, pre, .trace, .step .text").forEach((part) => reach.observe(part));

  // Tables: a click on a heading sorts, a second one turns the order round.
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => parseFloat(text.replace(/−/g, "-").replace(/[,<>]/g, ""));
  const words = new Intl.Collator(undefined, { numeric: true });
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const column = head.cellIndex;
      const body = head.closest("table").tBodies[0];
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => ({ row, text: value(row, column), number: number(value(row, column)) }));
      const empty = (item) => /^–?$/.test(item.text);
      const numeric = rows.every((item) => empty(item) || !isNaN(item.number));
      rows.sort((a, b) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b);  // last, whatever the order
        return sign * ((numeric && a.number - b.number) || words.compare(a.text, b.text));
      });
      body.append(...rows.map((item) => item.row));
    });
  }

  // Tables: copied as they are, cells apart by tabs, with the minus sign that spreadsheets read, and no formulas.
  const cell = (item) => (item.querySelector("button") ?? item).textContent.replace(/\s+/g, " ").trim()
    .replace(/−/g, "-").replace(/^(?=[=@]|[+-](?![\d.,% to+-]*$))/, "'");
  for (const tools of document.querySelectorAll("caption .tools")) {
    const table = tools.closest("table");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = tr("Copy");
    button.setAttribute("aria-label", tr("Copy this table"));
    tools.prepend(button);
    button.addEventListener("click", async () => {
      const text = [...table.rows].map((row) => [...row.cells].map(cell).join("\t")).join("\n");
      if (await copy(text)) {
        button.textContent = tr("Copied");
        setTimeout(() => { button.textContent = tr("Copy"); }, 2000);
        say(tr("The table is copied."));
      } else {
        const range = document.createRange();
        range.setStartBefore(table.tHead);
        range.setEndAfter(table.tBodies[0]);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        button.textContent = tr("Selected: copy it with Ctrl+C or ⌘C");
        say(tr("The table is selected. Copy it with the keyboard."));
      }
    });
  }

  // A quiet # is a link to its part of the page; a click copies it as well.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.anchor");
    if (link && await copy(link.href)) say(tr("The link is copied."));
  });

  // Side by side: arrow keys open the next or the previous question.
  const cases = [...document.querySelectorAll(".case")];
  const show = (next) => {
    cases.forEach((item) => { item.open = item === next; });
    next.scrollIntoView({ block: "start" });
    next.querySelector("summary").focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.tabIndex === 0 && event.target.matches(".text, .trace, pre")) return;  // it scrolls
    const at = cases.findIndex((item) => item.open && item.contains(document.activeElement));
    const next = at < 0 ? undefined : cases[at + step];
    if (next) { event.preventDefault(); show(next); }
  });

  // A deep link to a question opens it, and whatever its target is folded in.
  const openTarget = () => {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* no escape: as it is */ }
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let part = target; part; part = part.parentElement) {
      if (part instanceof HTMLDetailsElement) part.open = true;
    }
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", openTarget);
  openTarget();
  window.addEventListener("beforeprint", () => cases.forEach((item) => { item.open = true; }));
})();
