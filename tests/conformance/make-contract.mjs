// Makes contract.json, the OpenAPI document that Prism holds traffic against, from the vendors' own
// definitions. It is run by hand when those are to be renewed:
//
//   pip download --no-deps google-api-python-client==2.202.0 && unzip -j *.whl '*/documents/*' -d google
//   npm pack @microsoft/microsoft-graph-types@2.43.1 && tar xf *.tgz
//   node make-contract.mjs google package/microsoft-graph.d.ts
//
// Only what the sandbox offers is taken; paths are those of the sandbox. Properties that a vendor does
// not define are refused.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [folder, types] = process.argv.slice(2);
if (!folder || !types) {
  console.error('usage: node make-contract.mjs FOLDER-OF-DISCOVERY-DOCUMENTS microsoft-graph.d.ts');
  process.exit(2);
}

const schemas = {};
const paths = {};
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema) => ({ content: { 'application/json': { schema } } });

function add(path, method, operation) {
  paths[path] ??= {};
  paths[path][method] = operation;
}

// ---- Google: discovery documents are close to JSON schema already.

function googleSchema(vendor, from) {
  if (from.$ref) return ref(`${vendor}.${from.$ref}`);
  const to = {};
  if (from.type && from.type !== 'any') to.type = from.type;
  if (from.format === 'date' || from.format === 'date-time') to.format = from.format;
  if (from.format === 'google-datetime') to.format = 'date-time';
  if (from.type === 'string' && /^u?int64$/.test(from.format ?? '')) to.pattern = '^-?[0-9]+$';
  if (from.enum) to.enum = from.enum;
  if (from.pattern) to.pattern = from.pattern;
  if (from.minimum) to.minimum = Number(from.minimum);
  if (from.maximum) to.maximum = Number(from.maximum);
  if (from.items) to.items = googleSchema(vendor, from.items);
  if (from.properties) {
    to.type = 'object';
    to.properties = Object.fromEntries(
      Object.entries(from.properties).map(([name, value]) => [name, googleSchema(vendor, value)]),
    );
    to.additionalProperties = false;
  }
  if (from.additionalProperties) to.additionalProperties = googleSchema(vendor, from.additionalProperties);
  return to;
}

function google(vendor, file, prefix, wanted) {
  const document = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
  const methods = {};
  const walk = (resource) => {
    for (const method of Object.values(resource.methods ?? {})) methods[method.id] = method;
    Object.values(resource.resources ?? {}).forEach(walk);
  };
  walk(document);
  schemas[`${vendor}.refusal`] = googleError();
  const takeSchema = (name) => {
    const full = `${vendor}.${name}`;
    if (schemas[full]) return;
    schemas[full] = {};
    schemas[full] = googleSchema(vendor, document.schemas[name]);
    JSON.stringify(document.schemas[name], (key, value) => {
      if (key === '$ref') takeSchema(value);
      return value;
    });
  };
  for (const id of wanted) {
    const method = methods[id];
    if (!method) throw new Error(`${file} has no method ${id}`);
    const path = `${prefix}/${method.flatPath ?? method.path}`;
    const operation = { operationId: id, parameters: [], responses: {} };
    for (const [, name] of path.matchAll(/{([^}]+)}/g)) {
      operation.parameters.push({ name, in: 'path', required: true, schema: { type: 'string' } });
    }
    for (const [name, given] of Object.entries(method.parameters ?? {})) {
      if (given.location !== 'query') continue;
      const one = googleSchema(vendor, { ...given, pattern: undefined });
      const schema = given.repeated ? { type: 'array', items: one } : one;
      // Prism lets pass what it does not know: a text that may be anything needs no line.
      if (given.required || JSON.stringify(schema) !== '{"type":"string"}') {
        operation.parameters.push({ name, in: 'query', required: given.required ?? false, schema });
      }
    }
    if (method.request) {
      takeSchema(method.request.$ref);
      operation.requestBody = json(ref(`${vendor}.${method.request.$ref}`));
    }
    if (method.response) {
      takeSchema(method.response.$ref);
      operation.responses[200] = { description: 'done', ...json(ref(`${vendor}.${method.response.$ref}`)) };
    } else {
      operation.responses[204] = { description: 'done' };
    }
    operation.responses.default = { description: 'refused', ...json(ref(`${vendor}.refusal`)) };
    add(path, method.httpMethod.toLowerCase(), operation);
  }
}

function googleError() {
  const text = { type: 'string' };
  const line = { domain: text, reason: text, message: text, location: text, locationType: text };
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: { type: 'integer' },
          message: text,
          status: text,
          errors: {
            type: 'array',
            items: {
              type: 'object',
              required: ['domain', 'reason', 'message'],
              properties: line,
              additionalProperties: false,
            },
          },
        },
      },
    },
  };
}

// ---- Microsoft: the types are TypeScript; each interface has one property a line.

const source = readFileSync(types, 'utf8').replaceAll('\r\n', '\n');
const NULLABLE = /^NullableOption<(.*)>$/s;

function members(name) {
  const found = source.match(new RegExp(`export interface ${name}(?: extends (\\w+))? {\\n?([\\s\\S]*?)\\n?}\\n`));
  if (!found) throw new Error(`there is no interface ${name}`);
  const [, parent, body] = found;
  const bare = body.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const own = [...bare.matchAll(/^\s*"?([\w@.]+)"?\??:\s*([^;]+);/gm)].map(([, key, type]) => [key, type]);
  return [...(parent ? members(parent) : []), ...own];
}

// What refers from one thing to others that can be asked for by themselves; a schema that contains
// itself would make Prism skip its checks without a word.
const APART = {
  Event: ['attachments', 'calendar', 'extensions', 'instances', 'exceptionOccurrences'],
  OnlineMeeting: ['recordings', 'transcripts', 'attendanceReports', 'broadcastSettings'],
  Calendar: ['calendarPermissions', 'calendarView', 'events', 'multiValueExtendedProperties', 'singleValueExtendedProperties'],
};

function apart(type) {
  const other = { type: 'object', nullable: true };
  return type.includes('[]') ? { type: 'array', nullable: true, items: other } : other;
}

function graphType(text, write) {
  const plain = text.trim();
  const nullable = plain.match(NULLABLE);
  if (nullable) {
    const inner = graphType(nullable[1], write);
    // Beside a reference `nullable` says nothing: the objects themselves may be null. Without a type it
    // would make Prism skip its checks without a word.
    return inner.type ? { ...inner, nullable: true } : inner;
  }
  if (plain.endsWith('[]')) return { type: 'array', items: graphType(plain.slice(0, -2), write) };
  if (['string', 'number', 'boolean'].includes(plain)) return { type: plain };
  if (plain === 'any' || plain === 'unknown') return {};
  const union = source.match(new RegExp(`export type ${plain} =\\s*([^;]+);`));
  if (union) {
    // Graph takes its words in any case, and the documentation writes some with capitals.
    if (write) return { type: 'string' };
    return { type: 'string', enum: [...union[1].matchAll(/"([^"]+)"/g)].map(([, word]) => word) };
  }
  return graph(plain, write);
}

function graph(name, write = false) {
  const full = `graph.${write ? 'write.' : ''}${name}`;
  if (!schemas[full]) {
    const properties = {};
    schemas[full] = { type: 'object', nullable: true, properties, additionalProperties: OPEN.includes(name) };
    for (const [key, type] of members(name)) {
      if (!KEPT[name] || KEPT[name].includes(key)) {
        properties[key] = APART[name]?.includes(key) ? apart(type) : graphType(type, write);
      }
    }
    for (const key of ['@odata.type', '@odata.id', '@odata.etag', '@odata.context']) {
      properties[key] = { type: 'string' };
    }
  }
  return ref(full);
}

// Of what is larger than a calendar's client ever sees, only this.
const KEPT = {
  User: ['id', 'displayName', 'mail', 'userPrincipalName', 'givenName', 'surname', 'jobTitle', 'businessPhones', 'mobilePhone', 'officeLocation', 'preferredLanguage'],
};

// Types that Microsoft leaves open, which the TypeScript does not say.
const OPEN = ['Identity'];

const ZONED = { type: 'string', format: 'date-time' };

function graphPath(path, method, { query = [], body, status = 200, answer }) {
  const operation = { operationId: `${method} ${path}`, parameters: [], responses: {} };
  for (const [, name] of path.matchAll(/{([^}]+)}/g)) {
    operation.parameters.push({ name, in: 'path', required: true, schema: { type: 'string' } });
  }
  for (const name of query) {
    const required = name.endsWith('!');
    const schema = { type: /^\$(top|skip)$/.test(name) ? 'integer' : 'string' };
    operation.parameters.push({ name: name.replace('!', ''), in: 'query', required, schema });
  }
  if (body) operation.requestBody = json(body);
  operation.responses[status] = answer ? { description: 'done', ...json(answer) } : { description: 'done' };
  operation.responses.default = { description: 'refused', ...json(ref('graph.error')) };
  add(`/v1.0${path}`, method, operation);
}

function graphList(item, delta = false) {
  const properties = {
    '@odata.context': { type: 'string' },
    '@odata.nextLink': { type: 'string' },
    '@odata.count': { type: 'integer' },
    value: { type: 'array', items: item },
  };
  if (delta) properties['@odata.deltaLink'] = { type: 'string' };
  const list = { type: 'object', required: ['value'], properties, additionalProperties: false };
  // A page leads on or ends its round, never both.
  if (delta) list.not = { required: ['@odata.nextLink', '@odata.deltaLink'] };
  return list;
}

function microsoft() {
  schemas['graph.error'] = {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' }, innerError: { type: 'object' } },
      },
    },
  };
  const event = graph('Event');
  const written = graph('Event', true);
  schemas['graph.Event'].required = ['id'];
  const removed = { type: 'object', required: ['reason'], properties: { reason: { type: 'string', enum: ['deleted', 'changed'] } } };
  schemas['graph.Event'].properties['@removed'] = removed;
  for (const name of ['createdDateTime', 'lastModifiedDateTime', 'originalStart']) {
    schemas['graph.Event'].properties[name].format = 'date-time';
  }
  const odata = ['$top', '$skip'];
  const window = ['startDateTime!', 'endDateTime!'];
  const user = '/users/{userId}';
  graphPath(user, 'get', { query: odata, answer: graph('User') });
  graphPath(`${user}/calendar`, 'get', { query: odata, answer: graph('Calendar') });
  for (const place of ['', '/calendar']) {
    graphPath(`${user}${place}/calendarView`, 'get', { query: [...odata, ...window], answer: graphList(event) });
    graphPath(`${user}${place}/events`, 'get', { query: odata, answer: graphList(event) });
    graphPath(`${user}${place}/events`, 'post', { body: written, status: 201, answer: event });
    graphPath(`${user}${place}/events/{eventId}`, 'get', { query: odata, answer: event });
    graphPath(`${user}${place}/events/{eventId}`, 'patch', { body: written, answer: event });
    graphPath(`${user}${place}/events/{eventId}`, 'delete', { status: 204 });
  }
  for (const delta of ['delta', 'delta()', 'microsoft.graph.delta()']) {
    graphPath(`${user}/calendarView/${delta}`, 'get', { answer: graphList(event, true) });
  }
  graphPath(`${user}/events/{eventId}/instances`, 'get', { query: [...odata, ...window], answer: graphList(event) });
  for (const action of ['cancel', 'accept', 'decline', 'tentativelyAccept']) {
    graphPath(`${user}/events/{eventId}/${action}`, 'post', { body: { type: 'object' }, status: 202 });
  }
  const asked = {
    type: 'object',
    required: ['schedules', 'startTime', 'endTime'],
    properties: {
      schedules: { type: 'array', items: { type: 'string' } },
      startTime: graph('DateTimeTimeZone', true),
      endTime: graph('DateTimeTimeZone', true),
      availabilityViewInterval: { type: 'integer' },
    },
  };
  graphPath(`${user}/calendar/getSchedule`, 'post', { body: asked, answer: graphList(graph('ScheduleInformation')) });
  const report = graph('MeetingAttendanceReport');
  // As the application, and as somebody who consented.
  for (const meetings of [`${user}/onlineMeetings`, '/me/onlineMeetings']) {
    graphPath(meetings, 'get', { query: ['$filter!'], answer: graphList(graph('OnlineMeeting')) });
    graphPath(`${meetings}/{meetingId}/attendanceReports`, 'get', { query: odata, answer: graphList(report) });
    graphPath(`${meetings}/{meetingId}/attendanceReports/{reportId}`, 'get', { query: odata, answer: report });
    graphPath(`${meetings}/{meetingId}/attendanceReports/{reportId}/attendanceRecords`, 'get', { query: odata, answer: graphList(graph('AttendanceRecord')) });
  }
  const subscription = graph('Subscription');
  const wanted = graph('Subscription', true);
  schemas['graph.write.Subscription'].required = ['changeType', 'notificationUrl', 'resource', 'expirationDateTime'];
  schemas['graph.Subscription'].required = ['id', 'resource', 'changeType', 'notificationUrl', 'expirationDateTime'];
  schemas['graph.Subscription'].properties.expirationDateTime = ZONED;
  schemas['graph.write.Subscription'].properties.expirationDateTime = ZONED;
  graphPath('/subscriptions', 'post', { body: wanted, status: 201, answer: subscription });
  graphPath('/subscriptions', 'get', { query: odata, answer: graphList(subscription) });
  const one = '/subscriptions/{subscriptionId}';
  graphPath(one, 'get', { answer: subscription });
  const renewed = { type: 'object', properties: { expirationDateTime: ZONED, notificationUrl: { type: 'string' } }, additionalProperties: false };
  graphPath(one, 'patch', { body: renewed, answer: subscription });
  graphPath(one, 'delete', { status: 204 });
  graphPath(`${one}/reauthorize`, 'post', { status: 204 });
  const part = {
    type: 'object',
    required: ['id', 'method', 'url'],
    properties: {
      id: { type: 'string' },
      method: { type: 'string' },
      url: { type: 'string' },
      headers: { type: 'object' },
      body: {},
      dependsOn: { type: 'array', items: { type: 'string' } },
    },
    additionalProperties: false,
  };
  const answered = {
    type: 'object',
    required: ['id', 'status'],
    properties: { id: { type: 'string' }, status: { type: 'integer' }, headers: { type: 'object' }, body: {} },
    additionalProperties: false,
  };
  const many = (name, items, most) => ({ type: 'object', required: [name], properties: { [name]: { type: 'array', items, ...most } } });
  graphPath('/$batch', 'post', { body: many('requests', part, { maxItems: 20 }), answer: many('responses', answered, {}) });
}

google('calendar', 'calendar.v3.json', '/calendar/v3', [
  'calendar.events.list',
  'calendar.events.get',
  'calendar.events.instances',
  'calendar.events.insert',
  'calendar.events.patch',
  'calendar.events.update',
  'calendar.events.delete',
  'calendar.events.watch',
  'calendar.channels.stop',
  'calendar.freebusy.query',
]);
google('meet', 'meet.v2.json', '/meet', [
  'meet.conferenceRecords.list',
  'meet.conferenceRecords.get',
  'meet.conferenceRecords.participants.list',
  'meet.conferenceRecords.participants.participantSessions.list',
]);
google('directory', 'admin.directory_v1.json', '', ['directory.users.get']);
microsoft();

const document = {
  openapi: '3.0.3',
  info: {
    title: 'What the sandbox stands in for, as the vendors define it',
    version: 'google-api-python-client 2.202.0, @microsoft/microsoft-graph-types 2.43.1',
  },
  paths,
  components: { schemas },
};
// One path or schema a line: small, and a change can be read.
const lines = (object) =>
  Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(',\n');
const text = `{"openapi": "3.0.3", "info": ${JSON.stringify(document.info)},
"paths": {
${lines(paths)}
},
"components": {"schemas": {
${lines(schemas)}
}}}
`;
writeFileSync(fileURLToPath(new URL('contract.json', import.meta.url)), text);
console.log(`${Object.keys(paths).length} paths, ${Object.keys(schemas).length} schemas, ${text.length} bytes`);
