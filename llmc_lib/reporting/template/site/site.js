"use strict";
(() => {
  // A click on a heading sorts by the rows' data, a second one turns the order round.
  const body = document.querySelector("#reports tbody");
  for (const button of document.querySelectorAll("#reports thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const value = (row) => row.dataset[button.dataset.key];
      body.append(...[...body.rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
      }));
    });
  }
})();
