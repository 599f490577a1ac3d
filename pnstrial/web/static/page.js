"use strict";
// Live answers, copying, progress; every form works without this file.

const later = {};

function wait(name, milliseconds, act) {
  clearTimeout(later[name]);
  later[name] = setTimeout(act, milliseconds);
}

async function answer(address, place, more = true, request = {}) {
  const reply = await fetch(address, { credentials: "same-origin", ...request });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.getElementById("answer");
  if (!fresh) return;
  const open = place.querySelector("details.code")?.open;
  place.replaceChildren(...fresh.childNodes);
  const code = place.querySelector("details.code");
  if (code && open) code.open = true;
  if (more) fetchLater(place);
}

function fetchLater(place) {
  for (const one of place.querySelectorAll("[data-later]")) answer(one.dataset.later, one);
}
fetchLater(document);

function filled(form) {
  const pairs = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  return new URLSearchParams(pairs).toString();
}

let latest = 0;
for (const form of document.querySelectorAll("form[data-live]")) {
  form.classList.add("live");
  form.addEventListener("input", () => wait("live", 60, async () => {
    const mine = ++latest;
    const place = document.getElementById("answer");
    place.setAttribute("aria-busy", "true");
    wait("busy", 400, () => place.querySelector(":scope > progress") || place.prepend(Object.assign(document.createElement("progress"), { ariaLabel: form.dataset.busy })));
    const fresh = document.createElement("div");
    try {
      await answer(form.getAttribute("action") + "?" + filled(form), fresh, false);
    } catch {
      fresh.append(Object.assign(document.createElement("p"), { className: "wrong", textContent: document.body.dataset.gone }));
    }
    if (mine !== latest) return;
    clearTimeout(later.busy);
    const open = place.querySelector("details.code")?.open;
    place.replaceChildren(...fresh.childNodes);
    if (open && place.querySelector("details.code")) place.querySelector("details.code").open = true;
    place.removeAttribute("aria-busy");
    fetchLater(place);
  }));
}

for (const form of document.querySelectorAll("form[data-check]")) {
  form.addEventListener("input", () => wait("check", 200, () =>
    answer(form.dataset.check + "?" + filled(form), form.querySelector("#answer"))));
}

document.addEventListener("input", (event) => {
  const shown = event.target.type === "range" && event.target.parentElement.querySelector("output");
  if (shown) {
    const value = Number(event.target.value).toFixed((event.target.step.split(".")[1] || "").length);
    shown.textContent = document.documentElement.lang === "fr" ? value.replace(".", ",") : value;
  }
});

// a chosen setting shows the value that it has now
for (const choice of document.querySelectorAll("select[data-fills]")) {
  const fill = () => {
    choice.form.elements[choice.dataset.fills].value = choice.selectedOptions[0].dataset.value;
  };
  choice.addEventListener("change", fill);
  if (!choice.form.elements[choice.dataset.fills].value) fill();
}

// a run or a kept scenario takes what the sliders show now
for (const form of document.querySelectorAll("form[data-with]")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of new FormData(document.getElementById(form.dataset.with))) {
      event.formData.set(name, value);
    }
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) {
    navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.classList.add("done");
  } else if ("print" in button.dataset) {
    window.print();
  } else if ("french" in button.dataset) {
    const french = { separator: ";", decimal: ",", dates: "dd/mm/yyyy", encoding: "cp1252" };
    for (const [name, value] of Object.entries(french)) button.form.elements[name].value = value;
    button.form.dispatchEvent(new Event("change"));
  }
});

// files of a dropped or chosen folder, one level deep, as if they had been chosen
async function filesIn(items) {
  const found = [];
  // a file that is in no folder of this machine, such as one from another page, has no entry
  const dropped = [...items].map((item) => item.webkitGetAsEntry() || item.getAsFile()).filter(Boolean);
  for (const entry of dropped) {
    if (entry instanceof File) { found.push(entry); continue; }
    const inside = entry.isDirectory
      ? await new Promise((done) => entry.createReader().readEntries(done, () => done([]))) : [entry];
    for (const one of inside.filter((other) => other.isFile)) {
      found.push(await new Promise((done) => one.file(done)));
    }
  }
  return found;
}

function choose(form, files) {
  const taken = new DataTransfer();
  for (const file of files) {
    if (!file.name.startsWith(".") && file.webkitRelativePath.split("/").length < 3) taken.items.add(file);
  }
  const input = form.querySelector("input[name=files]");
  input.files = taken.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const form of document.querySelectorAll("form[data-drop]")) {
  form.classList.add("live");
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", async (event) => {
    event.preventDefault();
    form.classList.remove("over");
    choose(form, await filesIn(event.dataTransfer.items));
  });
  form.querySelector("[data-folder]").addEventListener("change", (event) => {
    event.stopPropagation();
    choose(form, event.target.files);
  });
  // what will be read of the files, as they are declared to be written, before they are sent
  form.addEventListener("change", () => wait("preview", 50, async () => {
    const body = new FormData(form);
    const files = body.getAll("files").filter((file) => file.name);
    if (!files.length) return;
    body.delete("files");
    for (const file of files) {
      body.append("files", /\.(csv|txt)$/i.test(file.name) ? file.slice(0, 20000) : file, file.name);
    }
    const shown = form.querySelector("[data-previewed]");
    await answer(form.dataset.preview, shown, true, { method: "POST", body });
    if (shown.querySelector(".wrong")) form.querySelector("details").open = true;
  }));
}

for (const place of document.querySelectorAll("[data-progress]")) {
  const bar = place.querySelector("progress");
  const left = place.querySelector("[data-left]");
  const events = new EventSource(place.dataset.progress);
  events.onmessage = (event) => {
    const run = JSON.parse(event.data);
    if (run.state !== "running") {
      events.close();
      location.reload();
      return;
    }
    bar.value = run.done;
    if (run.left !== null) left.textContent = left.dataset.left.replace("SECONDS", Math.ceil(run.left));
  };
}
