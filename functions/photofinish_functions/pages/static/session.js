// Whether it is worth asking the API who is signed in: browsers report an answer without a session as a failed request.

/** Whether the server saw that this browser has no session. */
export const hasNoSession = () => document.querySelector('meta[name="session"][content="none"]') !== null;
