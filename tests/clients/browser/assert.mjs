// What the scenarios use of Node's assert module, for the browser.

const sorted = (_, value) =>
  value?.constructor === Object ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
const text = (value) => JSON.stringify(value, sorted);

export default {
  ok(value, message = `${text(value)} is not true`) {
    if (!value) throw new Error(message);
  },
  equal(actual, expected) {
    if (!Object.is(actual, expected)) throw new Error(`${text(actual)}, expected ${text(expected)}`);
  },
  deepEqual(actual, expected) {
    if (text(actual) !== text(expected)) throw new Error(`${text(actual)}, expected ${text(expected)}`);
  },
  async rejects(promise, { code }) {
    const failure = await promise.then(() => undefined, (error) => error);
    if (failure?.code !== code) throw new Error(`${failure ?? "success"}, expected an error with code ${code}`);
  },
};
