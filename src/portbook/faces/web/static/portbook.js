// What a browser with scripts has beyond the page: copying, what is new, dropping a file.
// Every page works without it. Nothing is asked of anyone but this server.
"use strict";

const main = document.getElementById("main");
const say = (text) => {
  const teller = document.getElementById("said");
  if (teller) teller.textContent = text;
};

// Copy buttons.
const equip = (root) => {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const range = document.createRange(); // no clipboard without TLS: mark it to be copied
        range.selectNodeContents(button.parentElement.querySelector("code"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
      }
      say(button.dataset.done);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = button.dataset.copy; }, 2000);
    });
  }
};

// What changed on the network changes on the page: its parts are fetched again and swapped.
const wanted = new Set((main.dataset.live || "").split(" ").filter(Boolean));
let waiting = 0;

const swap = (fresh) => {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old || old.innerHTML === part.innerHTML || old.contains(document.activeElement)) continue;
    old.innerHTML = part.innerHTML;
    old.classList.remove("fresh");
    void old.offsetWidth; // lets the animation begin again
    old.classList.add("fresh");
    equip(old);
  }
};

const refresh = () => {
  if (waiting) return;
  // some hundred readers must not all ask in the same instant
  waiting = setTimeout(async () => {
    waiting = 0;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream comes back by itself, and then the page is asked for again */ }
  }, 300 + Math.random() * 1200);
};

if (wanted.size && "EventSource" in window) {
  const source = new EventSource("/events");
  source.addEventListener("changed", (event) => {
    const kinds = JSON.parse(event.data).kinds;
    if (wanted.has("all") || kinds.some((kind) => wanted.has(kind))) refresh();
  });
  source.addEventListener("lost", refresh);
  let broken = false;
  source.addEventListener("error", () => { broken = true; document.body.classList.add("away"); });
  source.addEventListener("open", () => {
    document.body.classList.remove("away");
    if (broken) refresh();
    broken = false;
  });
  addEventListener("pagehide", () => source.close());
}

// A capture dropped on the page, or chosen: sent with its progress shown.
const drop = document.querySelector("form.drop");
if (drop) {
  const chosen = drop.querySelector("input[type=file]");
  const bar = drop.querySelector("progress");
  const told = drop.querySelector("[data-told]");
  const send = (files) => {
    const given = new FormData(drop);
    given.delete(chosen.name);
    for (const file of files) given.append(chosen.name, file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", drop.action);
    request.upload.addEventListener("progress", (event) => {
      bar.hidden = false;
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      if (request.status < 400 && request.responseURL) location.assign(request.responseURL);
      else document.open("text/html"), document.write(request.responseText), document.close();
    });
    request.addEventListener("error", () => { told.textContent = told.dataset.told; bar.hidden = true; });
    request.send(given);
  };
  drop.addEventListener("submit", (event) => {
    if (chosen.files.length) { event.preventDefault(); send(chosen.files); }
  });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) send(event.dataTransfer.files);
  });
}

equip(document);
