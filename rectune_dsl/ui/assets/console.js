// Keeps a page that is open up to date: the server sends parts of it, made by the same templates as the page.
// Without this script the page shows the same after a reload.
"use strict";
(() => {
  const path = document.body.dataset.live;
  const connection = document.getElementById("connection");
  const news = document.getElementById("news"); // a screen reader tells what is written here
  let source = null;

  function say(text) {
    if (connection.textContent !== text) connection.textContent = text;
  }

  const opened = (part) => [...part.querySelectorAll("details[open] > summary")].map((s) => s.textContent);

  function replace({ name, html, version }) {
    const part = document.getElementById(`part-${name}`);
    if (!part || part.dataset.version === version) return;
    const wasOpen = new Set(opened(part));
    const hadFocus = part.contains(document.activeElement);
    part.innerHTML = html;
    part.dataset.version = version;
    for (const summary of part.querySelectorAll("details > summary")) {
      if (wasOpen.has(summary.textContent)) summary.parentElement.open = true;
    }
    const told = part.querySelector("[data-news]");
    if (told) news.textContent = told.textContent;
    if (hadFocus) part.focus({ preventScroll: true });
    part.dispatchEvent(new CustomEvent("charts", { bubbles: true }));
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(path);
    source.addEventListener("part", (event) => replace(JSON.parse(event.data)));
    source.addEventListener("trouble", (event) => say(JSON.parse(event.data)));
    source.addEventListener("ended", (event) => {
      say(JSON.parse(event.data));
      close();
    });
    source.onerror = () => say("Not connected to the console: what is shown may be old.");
  }

  if (!path) return;
  // a browser has few connections to one server: pages that nobody sees do not hold one
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
})();
