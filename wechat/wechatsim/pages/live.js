// Keeps a page of the phone up to date: waits for news, fetches the page again and
// replaces the parts that say data-live. What somebody is typing into stays.
"use strict";

const bottom = () => {
  const screen = document.querySelector(".talk");
  if (screen) screen.scrollTop = screen.scrollHeight;
};

const refresh = async () => {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  document.title = fresh.title;
  document.body.dataset.version = fresh.body.dataset.version;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.innerHTML === part.innerHTML) continue;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    part.innerHTML = other.innerHTML;
    if (open.some(Boolean) && !("bottom" in part.dataset)) {
      part.querySelectorAll("details").forEach((one, i) => { one.open = open[i] || false; });
    }
    if ("bottom" in part.dataset) bottom();
  }
};

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const watch = async () => {
  for (;;) {
    try {
      const since = document.body.dataset.version;
      const response = await fetch(`/phone/live?since=${since}`);
      if (response.ok && (await response.text()) !== since) await refresh();
      await pause(300);
    } catch {
      await pause(2000);
    }
  }
};

bottom();
watch();
