// Microsoft's own client for Graph drives the sandbox.

import assert from 'node:assert/strict';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';
import { CLARA, DAN, control, graphToken, plan, receiver, stage } from './stage.mjs';

// The client gives tokens to https alone, so the token comes with the headers.
const authorization = `Bearer ${await graphToken()}`;
const client = Client.initWithMiddleware({
  baseUrl: `${stage.url}/`,
  authProvider: { getAccessToken: async () => '' },
  fetchOptions: { headers: { authorization, prefer: 'IdType="ImmutableId", outlook.timezone="UTC", odata.maxpagesize=2' } },
});

// Links are addresses in full, which the client takes over https alone: it is given their rest.
const api = (link) => client.api(link.replace(`${stage.url}/v1.0`, ''));

async function refused(status, code, call) {
  const error = await call.then(() => assert.fail(`it went well, not ${status}`), (error) => error);
  assert.deepEqual([error.statusCode, error.code], [status, code], error.stack);
}

// A round of a delta, to its end.
async function round(link) {
  const items = [];
  for (let pages = 1; ; pages += 1) {
    const page = await api(link).get();
    items.push(...page.value);
    const next = page['@odata.nextLink'];
    if (!next) return { items, link: page['@odata.deltaLink'], pages };
    assert(next.startsWith(stage.url), next);
    link = next;
  }
}

const kinds = (items) => items.map((item) => item.type ?? item['@removed'].reason);
const window = 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z';
const series = await plan({ organizer: CLARA, attendees: [DAN], start: '2026-10-05T10:00', rrule: 'FREQ=WEEKLY;COUNT=4', conference: 'teams' });

// calendarView delta, under each of its names.
let { items, link, pages } = await round(`/users/${DAN}/calendarView/delta?${window}`);
assert.deepEqual(kinds(items), ['seriesMaster', 'occurrence', 'occurrence', 'occurrence', 'occurrence']);
assert.equal(items[1].subject, undefined);
assert.equal(items[0].onlineMeeting.joinUrl, series.conference_key);
for (const name of ['delta()', 'microsoft.graph.delta()']) {
  assert.equal((await round(`/users/${DAN}/calendarView/${name}?${window}`)).items.length, 5);
}

// Create, once for each transaction.
const wanted = {
  subject: 'Coaching',
  body: { contentType: 'HTML', content: 'Does noon work for you?' },
  start: { dateTime: '2026-10-07T12:00:00', timeZone: 'W. Europe Standard Time' },
  end: { dateTime: '2026-10-07T12:45:00', timeZone: 'W. Europe Standard Time' },
  attendees: [{ emailAddress: { address: DAN, name: 'Dan Duarte' }, type: 'required' }],
  isOnlineMeeting: true,
  onlineMeetingProvider: 'teamsForBusiness',
  transactionId: '7E163156-7762-4BEB-A1C6-729EA81755A7',
};
const made = await client.api(`/users/${CLARA}/events`).post(wanted);
assert.equal(made.start.dateTime, '2026-10-07T10:00:00.0000000');
assert.equal((await client.api(`/users/${CLARA}/events`).post(wanted)).id, made.id);
({ items, link } = await round(link));
assert.deepEqual(kinds(items), ['singleInstance']);
const copy = items[0];
assert.equal(copy.iCalUId, made.iCalUId);

// Answer, update, delete.
await client.api(`/users/${DAN}/events/${copy.id}/accept`).post({ comment: 'gladly', sendResponse: true });
const event = `/users/${CLARA}/events/${made.id}`;
const read = await client.api(event).select('subject,attendees').get();
assert.equal(read.attendees[0].status.response, 'accepted');
const changed = await client.api(event).header('If-Match', read['@odata.etag']).patch({ subject: 'Mentoring', location: { displayName: 'Room 5' } });
assert.equal(changed.location.displayName, 'Room 5');
await refused(412, 'ErrorIrresolvableConflict', client.api(event).header('If-Match', read['@odata.etag']).patch({ subject: 'Lunch' }));
const view = await client.api(`/users/${CLARA}/calendarView?${window}`).top(50).get();
const seen = [];
const client3 = new PageIterator(client, { ...view, '@odata.nextLink': undefined }, (item) => seen.push(item.subject));
await client3.iterate();
assert(seen.includes('Mentoring'), seen.join());

// Instances; one goes, and the series is told again. The guest keeps the cancelled copy.
const masters = await client.api(`/users/${CLARA}/events`).top(50).get();
const master = masters.value.find((item) => item.type === 'seriesMaster');
const listed = await client.api(`/users/${CLARA}/events/${master.id}/instances?${window}`).top(50).get();
await client.api(`/users/${CLARA}/events/${listed.value[0].id}`).delete();
({ items, link } = await round(link));
const told = items.filter((item) => item.seriesMasterId || item.type === 'seriesMaster');
assert.deepEqual(kinds(told), ['seriesMaster', 'exception', 'occurrence', 'occurrence', 'occurrence']);
assert.equal(told[1].isCancelled, true);
await client.api(event).delete();
await refused(404, 'ErrorItemNotFound', client.api(event).get());

// Schedules, with an error for one.
const schedule = await client.api(`/users/${CLARA}/calendar/getSchedule`).post({
  schedules: [DAN, 'nobody@contoso.example'],
  startTime: { dateTime: '2026-10-12T06:00:00', timeZone: 'UTC' },
  endTime: { dateTime: '2026-10-12T10:00:00', timeZone: 'UTC' },
  availabilityViewInterval: 60,
});
assert.deepEqual(schedule.value.map((entry) => entry.availabilityView), ['0010', '']);
assert.equal(schedule.value[1].error.responseCode, 'ErrorMailRecipientNotFound');

// Subscriptions.
const ear = await receiver();
const subscription = await client.api('/subscriptions').post({
  changeType: 'created,updated,deleted',
  notificationUrl: ear.url,
  lifecycleNotificationUrl: ear.url,
  resource: `/users/${DAN}/events`,
  expirationDateTime: '2026-10-03T00:00:00Z',
  clientState: 'secret',
});
const lunch = await client.api(`/users/${DAN}/events`).post({ ...wanted, attendees: [], transactionId: undefined });
const notice = (await ear.heard(1))[0].body.value[0];
assert.deepEqual([notice.changeType, notice.clientState], ['created', 'secret']);
assert.equal(notice.resourceData.id, lunch.id);
const renewed = await client.api(`/subscriptions/${subscription.id}`).patch({ expirationDateTime: '2026-10-04T00:00:00Z' });
assert.equal(new Date(renewed.expirationDateTime).toISOString(), '2026-10-04T00:00:00.000Z');
assert.equal((await client.api('/subscriptions').get()).value.length, 1);
await control(`subscriptions/${subscription.id}/remove`, { when: 'told' });
assert.equal((await ear.heard(2))[1].body.value[0].lifecycleEvent, 'subscriptionRemoved');
await refused(404, 'ResourceNotFound', client.api(`/subscriptions/${subscription.id}`).patch({ expirationDateTime: '2026-10-05T00:00:00Z' }));
ear.close();

// Attendance, from when the call is over.
const { id: owner } = await client.api(`/users/${CLARA}`).get();
const at = (time) => ({ who: DAN, at: `2026-10-12T${time}:00Z`, occurrence: '2026-10-12T08:00:00Z' });
await control(`meetings/${series.id}/join`, at('08:01'));
await control(`meetings/${series.id}/leave`, at('08:40'));
await control('clock', { now: '2026-10-12T09:00:00Z' });
const found = await client.api(`/users/${owner}/onlineMeetings`).filter(encodeURIComponent(`JoinWebUrl eq '${series.conference_key}'`)).get();
const reports = `/users/${owner}/onlineMeetings/${found.value[0].id}/attendanceReports`;
const listing = await client.api(reports).get();
const report = await client.api(`${reports}/${listing.value[0].id}`).expand('attendanceRecords').get();
assert.equal(report.attendanceRecords[0].emailAddress, DAN);
assert.equal(report.attendanceRecords[0].attendanceIntervals[0].durationInSeconds, 39 * 60);
await control('clock', { now: '2026-10-01T08:00:00Z' });

// A batch.
const batch = await client.api('/$batch').post({
  requests: [
    { id: '1', method: 'GET', url: `/users/${DAN}` },
    { id: '2', method: 'GET', url: '/users/nobody' },
  ],
});
const statuses = batch.responses.map((answer) => [answer.id, answer.status]).sort();
assert.deepEqual(statuses, [['1', 200], ['2', 404]]);

// 410.
await control('cursors/expire', { address: DAN });
await refused(410, 'SyncStateNotFound', round(link));
console.log('graph: all is well');
