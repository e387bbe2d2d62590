// The console: signs in, then shows the view that the address names.

import { el } from "../elements.js";
import { t } from "../messages.js";
import { hasNoSession } from "../session.js";
import { api, onSignedOut } from "./api.js";
import { failure } from "./forms.js";
import { startRouter } from "./router.js";
import { Shell } from "./shell.js";
import { signIn } from "./sign_in.js";

// A view's modules are loaded when it is first shown.
const VIEWS = {
  albums: async () => (await import("./albums.js")).albumsView,
  overview: async () => (await import("./overview.js")).overviewView,
  upload: async () => (await import("./upload/view.js")).uploadView,
  photos: async () => (await import("./photos/view.js")).photosView,
  people: async () => (await import("./people/view.js")).peopleView,
  numbers: async () => (await import("./numbers/view.js")).numbersView,
  sharing: async () => (await import("./sharing.js")).sharingView,
  webhooks: async () => (await import("./webhooks.js")).webhooksView,
  settings: async () => (await import("./settings.js")).settingsView,
  keys: async () => (await import("./keys.js")).keysView,
  audit: async () => (await import("./audit.js")).auditView,
  activity: async () => (await import("./activity.js")).activityView,
};

async function start() {
  const session = await currentSession();
  const shell = new Shell(session);
  const account = document.getElementById("account");
  const leave = el("button", { type: "button", class: "button quiet", text: t("sign_out") });
  leave.addEventListener("click", async () => {
    await api("DELETE", "/sessions");
    location.assign("/console");
  });
  account.replaceChildren(el("span", { class: "tag", text: t(`scope_${session.scope}`) }), leave);
  onSignedOut(() => location.reload());
  startRouter((place) => shell.show(place, VIEWS[place.view] ?? VIEWS.overview));
}

/** The session of the cookie; without one, of a sign-in. */
async function currentSession() {
  if (hasNoSession()) return signIn();
  try {
    const session = await api("GET", "/sessions");
    if (session.kind !== "share") return session;
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  return signIn();
}

start().catch((error) => document.getElementById("main").replaceChildren(failure(error, () => location.reload())));
