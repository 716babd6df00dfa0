// The HTTP door: each desk command has a call of the same meaning.

const CALLS = {
  join: (event) => ["POST", `/api/events/${event}/queue`],
  look: (event) => ["GET", `/api/events/${event}/queue`],
  leave: (event) => ["DELETE", `/api/events/${event}/queue`],
  claim: (event) => ["POST", `/api/events/${event}/queue/claim`],
  seats: (event) => ["GET", `/api/events/${event}/seats/state`],
  hold: (event, fields) => ["POST", `/api/events/${event}/holds`, fields],
  release: (event, { hold_id }) => ["DELETE", `/api/holds/${hold_id}`],
  book: (event, { key, ...fields }) => ["POST", "/api/bookings", fields, { "Idempotency-Key": key }],
};

const UNREACHED = { detail: "We could not reach the desk. Nothing was changed. Try again in a moment." };

/** Calls `path` and gives `{ status, body }`; status 0 when the server could not be reached. */
export async function call(method, path, fields, headers = {}) {
  const sent = { method, headers: { Accept: "application/json", ...headers } };
  if (fields !== undefined) {
    sent.body = JSON.stringify(fields);
    sent.headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(path, sent);
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  } catch {
    return { status: 0, body: UNREACHED };
  }
}

/** Does the desk command `name` for the event by HTTP. */
export function callDesk(eventId, name, fields = {}) {
  return call(...CALLS[name](eventId, fields));
}
