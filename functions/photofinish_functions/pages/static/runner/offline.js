// The page that says "offline": it goes away by itself when the network is back.

const again = () => location.reload();
document.getElementById("again").addEventListener("click", again);
addEventListener("online", again);
