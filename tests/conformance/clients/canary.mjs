// What has to be refused, so that what is let pass is worth something.

import assert from 'node:assert/strict';
import { ANNA, CLARA, control, googleToken, graphToken, plan, stage } from './stage.mjs';

async function ask(path, token, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
  return fetch(`${stage.url}${path}`, request);
}

async function refused(status, call) {
  const response = await call;
  const text = await response.text();
  assert.equal(response.status, status, text);
  // Prism's words; the sandbox has none of them.
  assert.match(text, /#(VIOLATIONS|UNPROCESSABLE_ENTITY)/);
}

const google = '/calendar/v3/calendars/primary/events';
const graph = `/v1.0/users/${CLARA}/events`;
const googles = await googleToken(ANNA, 'calendar.events');
const microsofts = await graphToken();
await plan({ organizer: ANNA, start: '2026-10-05T10:00' });
await plan({ organizer: CLARA, start: '2026-10-05T10:00' });
assert.equal((await ask(google, googles)).status, 200);
assert.equal((await ask(graph, microsofts)).status, 200);

// Answers with what no definition names.
await control('quirks', { unknown_properties: true });
await refused(500, ask(google, googles));
await refused(500, ask(graph, microsofts));
await control('quirks', {});

// Errors that are none of theirs.
await control('faults', { path_contains: 'events', status: 404, times: 2, body: { wrong: true } });
await refused(500, ask(google, googles));
await refused(500, ask(graph, microsofts));

// Requests that no client of theirs makes.
await refused(422, ask(google, googles, { start: { dateTime: 'tomorrow' } }));
await refused(422, ask(graph, microsofts, { topic: 'Mentoring' }));
await refused(422, ask(`/v1.0/users/${CLARA}/calendarView?startDateTime=2026-10-01`, microsofts));
console.log('canary: all is well');
