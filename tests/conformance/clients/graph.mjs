// Microsoft's own client for Graph drives the sandbox.

import assert from 'node:assert/strict';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';
import { CLARA, DAN, control, graphToken, plan, receiver, secure, stage } from './stage.mjs';

const token = await graphToken();
const client = Client.initWithMiddleware({
  baseUrl: `${secure}/`,
  authProvider: { getAccessToken: async () => token },
  customHosts: new Set([new URL(secure).hostname]),
  fetchOptions: { headers: { prefer: 'IdType="ImmutableId", outlook.timezone="UTC", odata.maxpagesize=2' } },
});
await control('origin', { url: secure });

async function refused(status, code, call) {
  const error = await call.then(() => assert.fail(`it went well, not ${status}`), (error) => error);
  assert.deepEqual([error.statusCode, error.code], [status, code], error.stack);
}

// Every page of a listing: the client follows the links itself.
async function all(request) {
  const before = await control('requests');
  const items = [];
  const iterator = new PageIterator(client, await request.get(), (item) => items.push(item) > 0);
  await iterator.iterate();
  assert(iterator.isComplete());
  const pages = (await control('requests')).length - before.length;
  return { items, link: iterator.getDeltaLink(), pages };
}

// A round of a delta, to its end.
const round = (link) => all(client.api(link));

const kinds = (items) => items.map((item) => item.type ?? item['@removed'].reason);
const starts = (items) => items.map((item) => item.start.dateTime.slice(0, 16));
const window = 'startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z';
const series = await plan({ organizer: CLARA, attendees: [DAN], start: '2026-10-05T10:00', rrule: 'FREQ=WEEKLY;COUNT=4', conference: 'teams' });
for (const day of [20, 21, 22]) {
  await plan({ organizer: CLARA, attendees: [DAN], title: `Day ${day}`, start: `2026-10-${day}T10:00` });
}

// calendarView delta, under each of its names. A series is not split.
let { items, link, pages } = await round(`/users/${DAN}/calendarView/delta?${window}`);
const occurrences = Array(4).fill('occurrence');
assert.deepEqual(kinds(items), ['seriesMaster', ...occurrences, ...Array(3).fill('singleInstance')]);
assert.equal(pages, 3);
assert.equal(items[1].subject, undefined);
assert.equal(items[0].onlineMeeting.joinUrl, series.conference_key);
assert.deepEqual(items.slice(5).map((item) => item.subject), ['Day 20', 'Day 21', 'Day 22']);
for (const name of ['delta()', 'microsoft.graph.delta()']) {
  const other = await round(`/users/${DAN}/calendarView/${name}?${window}`);
  assert.deepEqual(other.items.map((item) => item.id), items.map((item) => item.id));
  assert.equal(other.pages, 3);
}
({ items, link, pages } = await round(link));
assert.deepEqual([items, pages], [[], 1]);

// The same calendar occurrence by occurrence, as ordinary lists.
const days = ['05', '12', '19', '20', '21', '22', '26'].map((day) => `2026-10-${day}T08:00`);
// In Berlin the clocks are put back on the 25th.
days[6] = '2026-10-26T09:00';
const viewed = await all(client.api(`/users/${DAN}/calendarView?${window}`).top(2));
assert.deepEqual([starts(viewed.items), viewed.pages], [days, 4]);
assert.deepEqual(viewed.items.map((item) => item.subject), ['Mentoring', 'Mentoring', 'Mentoring', 'Day 20', 'Day 21', 'Day 22', 'Mentoring']);
const planned = await all(client.api(`/users/${DAN}/events`).top(2));
assert.deepEqual(kinds(planned.items), ['seriesMaster', 'singleInstance', 'singleInstance', 'singleInstance']);
assert.equal(planned.pages, 2);
const own = await all(client.api(`/users/${DAN}/events/${planned.items[0].id}/instances?${window}`).top(2));
assert.deepEqual([starts(own.items), own.pages], [[days[0], days[1], days[2], days[6]], 2]);
assert.deepEqual(kinds(own.items), occurrences);
assert(own.items.every((item) => item.seriesMasterId === planned.items[0].id && item.subject === 'Mentoring'));
assert.equal(new Set(own.items.map((item) => item.id)).size, 4);

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
const view = await all(client.api(`/users/${CLARA}/calendarView?${window}`).top(2));
assert.deepEqual([view.items.length, view.pages], [8, 4]);
assert.deepEqual(view.items.find((item) => item.id === made.id).location.displayName, 'Room 5');

// Instances; one goes, and the series is told again. The guest keeps the cancelled copy.
const masters = await all(client.api(`/users/${CLARA}/events`));
const master = masters.items.find((item) => item.type === 'seriesMaster');
const instances = () => all(client.api(`/users/${CLARA}/events/${master.id}/instances?${window}`).top(2));
const listed = await instances();
assert.deepEqual([listed.items.length, listed.pages], [4, 2]);
await client.api(`/users/${CLARA}/events/${listed.items[0].id}`).delete();
assert.deepEqual((await instances()).items.map((item) => item.id), listed.items.slice(1).map((item) => item.id));
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
const asked = {
  changeType: 'created,updated,deleted',
  notificationUrl: ear.url,
  lifecycleNotificationUrl: ear.url,
  resource: `/users/${DAN}/events`,
  expirationDateTime: '2026-10-03T00:00:00Z',
  clientState: 'secret',
};
const subscription = await client.api('/subscriptions').post(asked);
const lunch = await client.api(`/users/${DAN}/events`).post({ ...wanted, attendees: [], transactionId: undefined });
const notice = (await ear.heard(1))[0].body.value[0];
assert.deepEqual([notice.changeType, notice.clientState], ['created', 'secret']);
assert.equal(notice.resourceData.id, lunch.id);
const renewed = await client.api(`/subscriptions/${subscription.id}`).patch({ expirationDateTime: '2026-10-04T00:00:00Z' });
assert.equal(new Date(renewed.expirationDateTime).toISOString(), '2026-10-04T00:00:00.000Z');

// Another one is ended by its owner, and hears no more.
const second = await client.api('/subscriptions').post({ ...asked, clientState: 'second' });
const open = async () => (await all(client.api('/subscriptions'))).items.map((item) => item.id).sort();
assert.deepEqual(await open(), [subscription.id, second.id].sort());
await client.api(`/subscriptions/${second.id}`).delete();
assert.deepEqual(await open(), [subscription.id]);
await refused(404, 'ResourceNotFound', client.api(`/subscriptions/${second.id}`).delete());
await client.api(`/users/${DAN}/events/${lunch.id}`).delete();
const deleted = (await ear.heard(2))[1].body.value;
assert.deepEqual(deleted.map((one) => [one.subscriptionId, one.changeType]), [[subscription.id, 'deleted']]);
await control(`subscriptions/${subscription.id}/remove`, { when: 'told' });
assert.equal((await ear.heard(3))[2].body.value[0].lifecycleEvent, 'subscriptionRemoved');
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
await control('origin', { url: stage.url });
console.log('graph: all is well');
