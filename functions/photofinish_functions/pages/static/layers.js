// What lies over the page (dialogs, the full screen): the back button closes the topmost, as people expect on a phone.

const layers = [];

/** Put a layer over the page; `onBack` is called when the back button takes it away. */
export function openLayer(onBack) {
  const layer = { onBack };
  layers.push(layer);
  history.pushState({ layers: layers.length }, "");
  return layer;
}

/** The layer was closed by other means: take its entry out of the history. */
export function closeLayer(layer) {
  const at = layers.indexOf(layer);
  if (at < 0) return;
  layers.splice(at, 1);
  history.back();
}

window.addEventListener("popstate", () => {
  const left = history.state?.layers ?? 0;
  while (layers.length > left) layers.pop().onBack();
});
