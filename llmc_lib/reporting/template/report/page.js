"use strict";
(() => {
  // Contents: folded on narrow screens, the present section marked.
  const contents = document.querySelector("nav details");
  const wide = window.matchMedia("(min-width: 75rem)");
  const fold = () => { contents.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
  const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const a of links.values()) a.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  document.querySelectorAll("h2[id]").forEach((heading) => watch.observe(heading));

  // Tables: a click on a heading sorts, a second one turns the order round.
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => parseFloat(text.replace(/−/g, "-").replace(/[,<]/g, ""));
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const column = head.cellIndex;
      const body = head.closest("table").tBodies[0];
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        const [m, n] = [number(x), number(y)];
        return sign * (isNaN(m) || isNaN(n) ? x.localeCompare(y) : m - n);
      });
      body.append(...rows);
    });
  }

  // Side by side: arrow keys open the next or the previous question.
  const cases = [...document.querySelectorAll(".case")];
  const show = (next) => {
    cases.forEach((item) => { item.open = item === next; });
    next.scrollIntoView({ block: "start" });
    next.querySelector("summary").focus({ preventScroll: true });
  };
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const here = cases.findIndex((item) => item.open && item.contains(document.activeElement));
    if (here < 0) return;
    const next = cases[here + step];
    if (next) { event.preventDefault(); show(next); }
  });

  // A deep link to a question opens it; printing opens all of them.
  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
  };
  window.addEventListener("hashchange", openTarget);
  openTarget();
  window.addEventListener("beforeprint", () => cases.forEach((item) => { item.open = true; }));
})();
