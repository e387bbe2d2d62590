// A way to a server that can be shut: then connections are refused, for the page and its service worker alike.

import net from "node:net";

/** A gate in front of `server`: `origin` leads through it, `shut()` and `open()` as often as one likes, `close()` at the end. */
export async function gateTo(server) {
  const { hostname, port } = new URL(server);
  const sockets = new Set();
  const keep = (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const gate = net.createServer((from) => {
    const to = keep(net.connect(Number(port), hostname));
    keep(from).pipe(to).pipe(from);
  });
  const listen = (at) => new Promise((done, failed) => gate.once("error", failed).listen(at, "127.0.0.1", done));
  await listen(0);
  const { port: own } = gate.address();
  return {
    origin: `http://127.0.0.1:${own}`,
    open: () => listen(own),
    async shut() {
      const closed = new Promise((done) => gate.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async close() {
      if (gate.listening) await this.shut();
    },
  };
}
