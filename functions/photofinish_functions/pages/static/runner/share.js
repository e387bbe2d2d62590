// Opens a share link: tells the API the token, asks for the PIN if there is one, and goes on to the album. The album's page
// replaces this one, so the token stays neither in the address bar nor in the history.

import "../components/progress.js";
import { t } from "../messages.js";
import { call } from "./api.js";
import { showClosed } from "./closed.js";
import { installOfflineShell } from "./offline-shell.js";

const byId = (id) => document.getElementById(id);
const token = location.pathname.split("/").at(-1);

async function open(pin) {
  const body = pin === null ? { token } : { token, pin };
  const opened = await call("POST", "/shares/open", { json: body });
  location.replace(`/a/${encodeURIComponent(opened.album)}`);
}

async function start() {
  byId("opening").hidden = false;
  byId("closed").hidden = true;
  try {
    await open(null);
  } catch (problem) {
    byId("opening").hidden = true;
    if (problem.code === "pin_required") askPin();
    else showClosed(byId("closed"), problem, start);
  }
}

function askPin() {
  document.title = `${t("pin_title")} · photofinish`;
  byId("pin").hidden = false;
  byId("pin-input").focus();
}

byId("pin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = byId("pin-button");
  const input = byId("pin-input");
  const tell = (sentence) => {
    byId("pin-problem").textContent = sentence;
    byId("pin-field").classList.toggle("wrong", sentence !== "");
    input.setAttribute("aria-invalid", String(sentence !== ""));
  };
  if (!/^[0-9]{4,8}$/.test(input.value)) {
    tell(t("pin_form"));
    input.focus();
    return;
  }
  tell("");
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    await open(input.value);
  } catch (problem) {
    if (problem.code === "unknown_share") {
      byId("pin").hidden = true;
      showClosed(byId("closed"), problem, start);
    }
    tell(problem.sentence);
    input.select();
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
});

addEventListener("online", () => {
  if (!byId("closed").hidden) start();
});
installOfflineShell();
start();
