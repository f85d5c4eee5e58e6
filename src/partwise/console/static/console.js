// Keys, the clock, and what happens when the server can't be reached. Everything else is htmx and plain forms.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const AGAIN_MS = 2000;
  let shownAt = performance.now();
  let hiddenFor = 0;
  let hiddenAt = document.hidden ? shownAt : null;
  let pressed = null; // the button of the answer that is under way
  let waiting = false; // for the next attempt at sending it

  // --- the clock: from seeing an item to answering it, without the time that the page was hidden

  const restart = () => {
    shownAt = performance.now();
    hiddenFor = 0;
    hiddenAt = document.hidden ? shownAt : null;
  };
  const elapsed = () => {
    const now = performance.now();
    return (now - shownAt - hiddenFor - (hiddenAt === null ? 0 : now - hiddenAt)) / 1000;
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = performance.now();
    else if (hiddenAt !== null) {
      hiddenFor += performance.now() - hiddenAt;
      hiddenAt = null;
    }
  });

  // --- keys

  const buttonFor = (key) =>
    [...document.querySelectorAll("#work [data-key]")].find((e) => e.dataset.key.split(" ").includes(key));

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey !== event.altKey || event.repeat || event.isComposing) return;
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "Escape") {
      if (typing) typing.blur();
      document.querySelectorAll("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
      return;
    }
    if (typing || event.target.closest("details.menu[open]") || document.querySelector("dialog[open]")) return;
    const found = buttonFor(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!found) return;
    event.preventDefault();
    if (found.tagName === "TEXTAREA") found.focus({ preventScroll: true });
    else if (!waiting && !pressed) found.click();
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    const opener = event.target.closest("[data-opens]");
    if (opener) byId(opener.dataset.opens).showModal();
  });

  // --- sending answers, again and again until one is acknowledged: equal submissions count once

  const notice = (text) => {
    const place = byId("notice");
    place.textContent = "";
    if (!text) return;
    const line = document.createElement("p");
    line.className = "notice bad";
    line.textContent = text;
    place.append(line);
  };
  // Whose request it is. Once a swap has replaced that, htmx names what is left of the page instead.
  const sender = (event) => (event.detail.requestConfig || event.detail).elt;
  const isAnswer = (element) => element && (element.id === "answer" || element.id === "undo");

  document.addEventListener("htmx:configRequest", (event) => {
    const form = event.detail.elt;
    if (!isAnswer(form)) return;
    const button = event.detail.triggeringEvent && event.detail.triggeringEvent.submitter;
    if (button) {
      pressed = button;
      button.classList.add("pressed");
      byId("work").classList.add("sending");
    }
    if (form.id === "answer") {
      if (!form.dataset.seconds) form.dataset.seconds = elapsed().toFixed(2);
      event.detail.parameters.set
        ? event.detail.parameters.set("seconds", form.dataset.seconds)
        : (event.detail.parameters.seconds = form.dataset.seconds);
    }
  });

  const failed = (event) => {
    if (!isAnswer(sender(event))) {
      notice("The console can't be reached. This page tries again by itself.");
      byId("notice").dataset.lost = "yes";
      return;
    }
    notice("Not saved yet: the console can't be reached. Trying again …");
    byId("notice").dataset.lost = "yes";
    const button = pressed;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      pressed = null;
      if (button && button.isConnected) button.click();
    }, AGAIN_MS);
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:timeout", failed);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) failed(event);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr ? event.detail.xhr.status : 0;
    if (status && status < 500 && byId("notice").dataset.lost) {
      notice("");
      delete byId("notice").dataset.lost;
    }
    if (!isAnswer(sender(event)) || status === 0 || status >= 500) return;
    if (pressed) pressed.classList.remove("pressed");
    pressed = null;
    const work = byId("work");
    if (work) work.classList.remove("sending");
  });

  // --- after a swap: the new item from its top, its question in focus, what was done said aloud

  const say = (text) => {
    byId("status").textContent = text || "";
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    const request = event.detail.requestConfig;
    const work = byId("work");
    if (request && /^\/judge\//.test(request.path) && work && event.detail.xhr.status !== 503) {
      if (event.detail.target.id === "notice") return;
      if (request.path !== "/judge/next") notice("");
      restart();
      window.scrollTo(0, 0);
      byId("question").focus({ preventScroll: true });
      say(work.dataset.said);
    }
    const plan = request && request.verb === "post" && /^\/plans\/(\d+)$/.exec(request.path);
    const ended = plan && document.querySelector(`#plan-${plan[1]}.ended`);
    if (ended) {
      ended.querySelector(".focus").focus();
      say(ended.dataset.said);
    }
  });

  // --- small comforts

  // The address as the browser has it: behind a proxy the server does not know it.
  document.querySelectorAll("[data-here]").forEach((field) => {
    const from = field.value.indexOf(field.dataset.here);
    field.value = location.origin + field.value.slice(from);
    field.select();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("input", (event) => {
    // A reason grows with what is written in it.
    if (!event.target.matches("textarea")) return;
    event.target.rows = Math.min(6, event.target.value.split("\n").length);
  });
})();
