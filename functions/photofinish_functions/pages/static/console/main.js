// The console: signs in, then shows the view that the address names.

import { el } from "../elements.js";
import { t } from "../messages.js";
import { activityView } from "./activity.js";
import { albumsView } from "./albums.js";
import { api, onSignedOut } from "./api.js";
import { failure } from "./forms.js";
import { numbersView } from "./numbers/view.js";
import { overviewView } from "./overview.js";
import { peopleView } from "./people/view.js";
import { photosView } from "./photos/view.js";
import { startRouter } from "./router.js";
import { settingsView } from "./settings.js";
import { sharingView } from "./sharing.js";
import { Shell } from "./shell.js";
import { signIn } from "./sign_in.js";
import { uploadView } from "./upload/view.js";
import { webhooksView } from "./webhooks.js";

const VIEWS = {
  albums: albumsView,
  overview: overviewView,
  upload: uploadView,
  photos: photosView,
  people: peopleView,
  numbers: numbersView,
  sharing: sharingView,
  webhooks: webhooksView,
  settings: settingsView,
  activity: activityView,
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
  startRouter((place) => shell.show(place, VIEWS[place.view] ?? albumsView));
}

/** The session of the cookie; without one, of a sign-in. */
async function currentSession() {
  try {
    const session = await api("GET", "/sessions");
    if (session.kind !== "share") return session;
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  return signIn();
}

start().catch((error) => document.getElementById("main").replaceChildren(failure(error, () => location.reload())));
