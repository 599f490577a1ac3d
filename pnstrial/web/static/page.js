"use strict";
// Live answers, copying, progress; every form works without this file.

const later = {};

function wait(name, milliseconds, act) {
  clearTimeout(later[name]);
  later[name] = setTimeout(act, milliseconds);
}

async function answer(address, place, more = true) {
  const reply = await fetch(address, { credentials: "same-origin" });
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
    const fresh = document.createElement("div");
    await answer(form.getAttribute("action") + "?" + filled(form), fresh, false);
    if (mine !== latest) return;
    place.replaceChildren(...fresh.childNodes);
    fetchLater(place);
    place.removeAttribute("aria-busy");
  }));
}

for (const form of document.querySelectorAll("form[data-check]")) {
  form.addEventListener("input", () => wait("check", 200, () =>
    answer(form.dataset.check + "?" + filled(form), form.querySelector("#answer"))));
}

document.addEventListener("input", (event) => {
  const shown = event.target.type === "range" && event.target.parentElement.querySelector("output");
  if (shown) {
    const value = event.target.value;
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
  }
});

for (const form of document.querySelectorAll("form[data-drop]")) {
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    form.querySelector("input[type=file]").files = event.dataTransfer.files;
  });
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
