// The page of all components.

import "./components/grid.js";
import "./components/pad.js";
import "./components/progress.js";
import "./components/tabs.js";
import { openLightbox } from "./components/lightbox.js";
import { confirmed } from "./components/dialog.js";
import { toast } from "./components/toast.js";
import { t } from "./messages.js";

document.getElementById("show-toast").addEventListener("click", () => {
  toast(t("toast"), { label: t("undo"), run: () => {} });
});
document.getElementById("open-dialog").addEventListener("click", async () => {
  const question = { title: t("question"), text: t("question_text"), yes: t("erase"), no: t("cancel"), danger: true };
  if (await confirmed(question)) toast(t("toast"));
});

const SHAPES = [1.5, 0.67, 1.5, 1, 1.78, 0.75, 1.5, 0.67];
const TAGS = [
  [{ text: t("tab_face"), icon: "face" }],
  [{ text: t("tab_number"), icon: "number", short: "1234" }],
  [{ text: t("tag_warn"), short: t("tag_warn"), kind: "maybe" }],
  [],
];
const grid = document.getElementById("photos");
grid.photos = SHAPES.map((shape, at) => ({
  id: `sample-${at}`,
  width: Math.round(shape * 1000),
  height: 1000,
  thumbnail: null,
  preview: null,
  placeholder: "WYcGTZKAdnebhnhZeGd5aGFQBViI",
  label: t("a_photo"),
  tags: TAGS[at % TAGS.length],
  mark: at === 3,
  stack: at === 2 ? 4 : 1,
}));
grid.addEventListener("open", async (event) => grid.focusPhoto(await openLightbox(grid.photos, event.detail)));
