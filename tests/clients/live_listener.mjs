// Prints the events of an album as they come, as one JSON line each, and resumes where it was:
//   node live_listener.mjs ALBUM [SEQUENCE]
// PHOTOFINISH_LIVE_URL and PHOTOFINISH_API_KEY say where and as whom; `photofinish env` prints both for the local cloud.
import process from "node:process";

const [album, since] = process.argv.slice(2);
const url = `${process.env.PHOTOFINISH_LIVE_URL}/v1/albums/${encodeURIComponent(album)}/events/stream`;
const retryMs = Number(process.env.RETRY_S ?? 2) * 1000;
const silenceMs = 45_000; // a heartbeat comes every 15 s

/** Yields [type, id, data] of each event (html.spec.whatwg.org/multipage/server-sent-events.html). */
async function* parse(body, alive) {
  const decoder = new TextDecoder();
  let [rest, type, id, data] = ["", "message", "", ""];
  for await (const chunk of body) {
    alive();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [name, value] = [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)];
      if (line === "") {
        if (data !== "") yield [type, id, data];
        [type, data] = ["message", ""];
      } else if (name === "event") type = value;
      else if (name === "id") id = value;
      else if (name === "data") data = value;
    }
  }
}

let after = since;
for (;;) {
  const connection = new AbortController();
  let silence = setTimeout(() => connection.abort(), silenceMs);
  try {
    const headers = { "X-Api-Key": process.env.PHOTOFINISH_API_KEY };
    if (after !== undefined) headers["Last-Event-ID"] = after;
    const answer = await fetch(url, { headers, signal: connection.signal });
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      console.error(await answer.text());
      process.exit(1);
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    for await (const [type, id, data] of parse(answer.body, () => silence.refresh())) {
      if (id !== "") after = id;
      if (type === "message") console.log(data);
    }
  } catch {
    // the server restarts, or the network is away
  }
  clearTimeout(silence);
  await new Promise((resolve) => setTimeout(resolve, retryMs));
}
