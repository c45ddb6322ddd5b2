"use strict";
(() => {
  const main = document.getElementById("main");
  const items = [...document.querySelectorAll(".item")];
  const known = new Map(items.map((item) => [item.dataset.item, item]));
  const labeller = document.getElementById("labeller");
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = ""; requestAnimationFrame(() => { said.textContent = text; }); };
  const radios = (item) => [...item.querySelectorAll("input[type=radio]")];
  const label = (item) => radios(item).find((radio) => radio.checked)?.value ?? "";
  const remark = (item) => item.querySelector(".remark-text");

  // What was labelled is kept in the browser, for this sheet alone.
  const key = `llmc-audit-${main.dataset.sheet}`;
  const kept = () => {
    try { return JSON.parse(localStorage.getItem(key)) ?? {}; } catch { return {}; }
  };
  const keep = () => {
    const given = {};
    for (const item of items) {
      if (label(item) || remark(item).value) given[item.dataset.item] = { label: label(item), note: remark(item).value };
    }
    try {
      localStorage.setItem(key, JSON.stringify({ labeller: labeller.value, present, given }));
    } catch { document.getElementById("not-kept").hidden = false; }
  };

  let present = 0;
  const progress = () => {
    const done = items.filter(label).length;
    document.getElementById("progress").value = done;
    document.getElementById("progress-text").textContent = tr("{done} of {all} labelled")
      .replace("{done}", done).replace("{all}", items.length);
    document.getElementById("open").disabled = done === items.length;
  };
  const show = (number, focus = true) => {
    present = Math.min(Math.max(number, 0), items.length - 1);
    items.forEach((item, at) => item.classList.toggle("present", at === present));
    document.getElementById("previous").disabled = present === 0;
    document.getElementById("next").disabled = present === items.length - 1;
    if (!focus) return;
    items[present].scrollIntoView({ block: "start" });
    const heading = items[present].querySelector("h2");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    keep();
  };
  const open = () => {
    const order = [...items.slice(present + 1), ...items.slice(0, present + 1)];
    const found = order.find((item) => !label(item));
    if (found) show(items.indexOf(found)); else say(tr("All answers are labelled. Export the labels."));
  };
  const set = (item, value, note) => {
    for (const radio of radios(item)) radio.checked = radio.value === value;
    if (note !== undefined) remark(item).value = note;
  };

  const before = kept();
  labeller.value = before.labeller ?? "";
  for (const [id, given] of Object.entries(before.given ?? {})) {
    if (known.has(id)) set(known.get(id), given.label, given.note);
  }
  document.documentElement.classList.add("scripted");
  show(before.present ?? 0, false);
  progress();
  keep();

  main.addEventListener("change", (event) => {
    if (event.target.id === "import") return;
    progress();
    keep();
  });
  main.addEventListener("input", keep);
  document.getElementById("previous").addEventListener("click", () => show(present - 1));
  document.getElementById("next").addEventListener("click", () => show(present + 1));
  document.getElementById("open").addEventListener("click", open);

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const writes = event.target.matches("input:not([type=radio])");
    if (event.key === "Enter" && (writes || event.target.matches("input[type=radio], h2, body, .trace"))) { event.preventDefault(); open(); return; }
    if (writes) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { event.preventDefault(); show(present + step); return; }
    const choice = radios(items[present])[Number(event.key) - 1];
    if (choice) {
      event.preventDefault();
      choice.checked = true;
      progress();
      keep();
      say(choice.parentElement.textContent.trim());
    }
  });

  // CSV as spreadsheets read it, without a cell that one of them would run.
  const cell = (text) => `"${text.replace(/^(?=[=@\t\r]|[+-](?![\d.,% to+-]*$))/, "'").replace(/"/g, '""')}"`;
  document.getElementById("export").addEventListener("click", () => {
    const rows = items.filter((item) => label(item) || remark(item).value)
      .map((item) => [item.dataset.item, label(item), remark(item).value, labeller.value.trim()]);
    const text = [["item", "label", "note", "labeller"], ...rows].map((row) => row.map(cell).join(",")).join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" }));
    const who = labeller.value.trim().replace(/[^\w-]+/g, "_");
    link.download = `${main.dataset.file}${who ? `-${who}` : ""}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    say(tr("The labels are exported."));
  });

  const parsed = (text) => [...text.matchAll(/("(?:[^"]|"")*"|[^",\n]*)(,|\r?\n|$)/g)].reduce((rows, [, value, end]) => {
    rows.at(-1).push(value.startsWith('"') ? value.slice(1, -1).replace(/""/g, '"') : value);
    if (end !== ",") rows.push([]);
    return rows;
  }, [[]]);
  document.getElementById("import").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const [names, ...rows] = parsed(await file.text());
    const at = (row, name) => row[names.indexOf(name)] ?? "";
    let count = 0;
    for (const row of rows) {
      const item = known.get(at(row, "item"));
      if (!item || !at(row, "label")) continue;
      set(item, at(row, "label"), at(row, "note"));
      count += 1;
    }
    event.target.value = "";
    progress();
    keep();
    say(tr("Labels read: {count}.").replace("{count}", count));
  });
})();
