// Google's own clients for Google Calendar and Google Meet drive the sandbox.

import assert from 'node:assert/strict';
import { auth, calendar } from '@googleapis/calendar';
import { meet } from '@googleapis/meet';
import { ANNA, BEN, control, googleToken, plan, receiver, stage } from './stage.mjs';

async function client(subject) {
  const oauth = new auth.OAuth2();
  oauth.setCredentials({ access_token: await googleToken(subject, 'calendar.events', 'calendar.freebusy') });
  return calendar({ version: 'v3', auth: oauth, rootUrl: `${stage.url}/`, retry: false });
}

// Only with each request does the client take a root that has a path.
const there = { rootUrl: `${stage.url}/meet/` };

async function meetings(subject) {
  const oauth = new auth.OAuth2();
  oauth.setCredentials({ access_token: await googleToken(subject, 'meetings.space.readonly') });
  return meet({ version: 'v2', auth: oauth, retry: false });
}

async function refused(status, reason, call) {
  const error = await call.then(() => assert.fail(`it went well, not ${status}`), (error) => error);
  assert.equal(error.status ?? error.code, status, error.stack);
  if (reason) assert.equal(error.response.data.error.errors[0].reason, reason);
}

// Every page of a listing, as the sync guide says to read it.
async function all(api, query) {
  const items = [];
  for (let pageToken, pages = 1; ; pages += 1) {
    const { data } = await api.events.list({ calendarId: 'primary', singleEvents: true, ...query, pageToken });
    items.push(...data.items);
    assert(!(data.nextPageToken && data.nextSyncToken), 'a page leads on or ends the listing');
    if (!data.nextPageToken) return { items, token: data.nextSyncToken, pages };
    pageToken = data.nextPageToken;
  }
}

const window = { timeMin: '2026-10-01T00:00:00Z', timeMax: '2026-11-01T00:00:00Z' };
const anna = await client(ANNA);
const ben = await client(BEN);
const series = await plan({ organizer: ANNA, attendees: [BEN], start: '2026-10-05T10:00', rrule: 'FREQ=WEEKLY;COUNT=4', conference: 'meet' });
const master = series.uid.replace('@google.com', '');

// List, page, sync token.
let { items, token, pages } = await all(ben, window);
assert.deepEqual([items.length, pages], [4, 2]);
assert.equal(items[0].recurringEventId, master);
assert.equal(items[0].conferenceData.conferenceId, series.conference_key);
({ items, token } = await all(ben, { syncToken: token }));
assert.deepEqual(items, []);
await refused(400, undefined, all(ben, { syncToken: token, ...window }));

// Insert: with guests, a call, and a name of one's own, once.
const order = {
  calendarId: 'primary',
  conferenceDataVersion: 1,
  sendUpdates: 'all',
  requestBody: {
    id: 'coaching0001',
    summary: 'Coaching',
    start: { dateTime: '2026-10-07T09:00:00+02:00', timeZone: 'Europe/Berlin' },
    end: { dateTime: '2026-10-07T09:45:00+02:00', timeZone: 'Europe/Berlin' },
    attendees: [{ email: ANNA }, { email: BEN }],
    conferenceData: { createRequest: { requestId: 'one', conferenceSolutionKey: { type: 'hangoutsMeet' } } },
    extendedProperties: { private: { mentord: 'pairing' } },
  },
};
const { data: made } = await anna.events.insert(order);
assert.equal(made.conferenceData.createRequest.status.statusCode, 'success');
await refused(409, 'duplicate', anna.events.insert(order));
({ items, token } = await all(ben, { syncToken: token }));
assert.deepEqual(items.map((item) => [item.id, item.status]), [['coaching0001', 'confirmed']]);

// Patch: only where nobody was faster.
const one = { calendarId: 'primary', eventId: 'coaching0001' };
const change = { ...one, requestBody: { summary: 'Mentoring' } };
const { data: changed } = await anna.events.patch(change, { headers: { 'If-Match': made.etag } });
assert.notEqual(changed.etag, made.etag);
await refused(412, 'conditionNotMet', anna.events.patch(change, { headers: { 'If-Match': made.etag } }));
await refused(403, 'forbiddenForNonOrganizer', ben.events.patch({ ...one, requestBody: { summary: 'Lunch' } }));
const answer = { attendees: [{ email: BEN, responseStatus: 'accepted' }] };
await ben.events.patch({ ...one, requestBody: answer });
const { data: read } = await anna.events.get(one);
assert.equal(read.attendees.find((guest) => guest.email === BEN).responseStatus, 'accepted');
const { data: updated } = await anna.events.update({ ...one, conferenceDataVersion: 1, requestBody: { ...read, location: 'Room 5' } });
assert.equal(updated.location, 'Room 5');

// One occurrence is cancelled, another one moves.
const of = { calendarId: 'primary', eventId: master, maxResults: 2 };
const { data: instances } = await anna.events.instances(of);
const { data: rest } = await anna.events.instances({ ...of, pageToken: instances.nextPageToken });
assert.deepEqual([instances.items.length, rest.items.length, rest.nextPageToken], [2, 2, undefined]);
const starts = [...instances.items, ...rest.items].map((item) => item.start.dateTime);
assert.deepEqual(starts, ['05', '12', '19', '26'].map((day) => `2026-10-${day}T10:00:00+0${day === '26' ? 1 : 2}:00`));
await anna.events.delete({ calendarId: 'primary', eventId: instances.items[0].id });
await refused(410, 'deleted', anna.events.delete({ calendarId: 'primary', eventId: instances.items[0].id }));
const later = { start: { dateTime: '2026-10-13T15:00:00+02:00' }, end: { dateTime: '2026-10-13T16:00:00+02:00' } };
await anna.events.patch({ calendarId: 'primary', eventId: instances.items[1].id, requestBody: later });
({ items, token } = await all(ben, { syncToken: token }));
const cancelled = items.find((item) => item.status === 'cancelled');
assert.equal(cancelled.originalStartTime.dateTime, '2026-10-05T10:00:00+02:00');
assert.equal(cancelled.start, undefined);
const moved = items.find((item) => item.id === instances.items[1].id);
assert.equal(moved.start.dateTime, '2026-10-13T15:00:00+02:00');

// 410: everything anew, and without tombstones.
await control('cursors/expire', { address: BEN });
await refused(410, 'fullSyncRequired', all(ben, { syncToken: token }));
({ items } = await all(ben, window));
assert(items.every((item) => item.status === 'confirmed') && items.length === 4, JSON.stringify(items));

// Watch.
const ear = await receiver();
const id = `channel-${process.pid}`;
const { data: channel } = await ben.events.watch({ calendarId: 'primary', requestBody: { id, type: 'web_hook', address: ear.url, token: 'secret' } });
assert(Number(channel.expiration) > 0 && channel.resourceId);
await anna.events.delete(one);
const notices = await ear.heard(2);
assert.deepEqual(notices.map((notice) => notice.headers['x-goog-resource-state']), ['sync', 'exists']);
assert.equal(notices[1].headers['x-goog-resource-id'], channel.resourceId);
await ben.channels.stop({ requestBody: { id, resourceId: channel.resourceId } });
await refused(404, 'notFound', ben.channels.stop({ requestBody: { id, resourceId: channel.resourceId } }));
ear.close();

// Free and busy.
const asked = { ...window, items: [{ id: 'primary' }, { id: 'nobody@acme.example' }] };
const { data: free } = await anna.freebusy.query({ requestBody: asked });
assert.equal(free.calendars.primary.busy.length, 3);
assert.equal(free.calendars['nobody@acme.example'].errors[0].reason, 'notFound');

// Who was in the call of an occurrence: three people, one of them twice, in pages of two.
const at = (who, time) => ({ who, at: `2026-10-19T${time}:00Z`, occurrence: '2026-10-19T08:00:00Z' });
for (const [who, came, went] of [[ANNA, '08:00', '08:40'], [BEN, '08:01', '08:10'], [null, '08:02', '08:40'], [BEN, '08:12', '08:40']]) {
  await control(`meetings/${series.id}/join`, at(who, came));
  await control(`meetings/${series.id}/leave`, at(who, went));
}
await control('clock', { now: '2026-10-19T09:00:00Z' });
const { conferenceRecords } = await meetings(ANNA);
const { data: records } = await conferenceRecords.list({ filter: `space.meeting_code = "${series.conference_key}"` }, there);
assert.equal(records.conferenceRecords.length, 1);
const [{ name, startTime, endTime }] = records.conferenceRecords;
assert.deepEqual([startTime, endTime].map((time) => time.slice(11, 16)), ['08:00', '08:40']);
assert.equal((await conferenceRecords.get({ name }, there)).data.name, name);
const people = [];
for (let pageToken; ;) {
  const { data } = await conferenceRecords.participants.list({ parent: name, pageToken }, there);
  people.push(...data.participants);
  pageToken = data.nextPageToken;
  if (!pageToken) break;
}
assert.deepEqual(people.map((person) => person.signedinUser?.displayName ?? person.anonymousUser.displayName), ['Anna Arndt', 'Ben Brandt', 'Guest']);
const { data: stays } = await conferenceRecords.participants.participantSessions.list({ parent: people[1].name }, there);
assert.deepEqual(stays.participantSessions.map((stay) => [stay.startTime.slice(11, 16), stay.endTime.slice(11, 16)]), [['08:01', '08:10'], ['08:12', '08:40']]);
// Somebody who was not there is shown nothing.
await control('people', [{ address: 'gil@acme.example', name: 'Gil Grau', provider: 'google' }]);
const none = await (await meetings('gil@acme.example')).conferenceRecords.list({ filter: `space.meeting_code = "${series.conference_key}"` }, there);
assert.deepEqual(none.data, {});
await control('clock', { now: '2026-10-01T08:00:00Z' });
console.log('google: all is well');
