// The page that says "offline": it goes away by itself when the server can be reached again. That the browser has a network
// does not say so yet, and it may not even notice, so the page asks every few seconds.

const ASK_EVERY_MS = 3000;

const again = () => location.reload();
const ask = async () => {
  if (document.hidden) return;
  const answer = await fetch("/offline", { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer?.ok) again();
};

document.getElementById("again").addEventListener("submit", (event) => {
  event.preventDefault();
  again();
});
addEventListener("online", ask);
document.addEventListener("visibilitychange", ask);
setInterval(ask, ASK_EVERY_MS);
