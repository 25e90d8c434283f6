// What the clients' scripts share: where the sandbox is, its control, tokens, and a receiver of notices.

import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

// url: what the clients talk to, perhaps through a proxy. sandbox: the sandbox itself.
export const stage = JSON.parse(process.env.STAGE);

export const ANNA = 'anna@acme.example';
export const BEN = 'ben@acme.example';
export const CLARA = 'clara@contoso.example';
export const DAN = 'dan@contoso.example';

async function read(response) {
  const text = await response.text();
  assert(response.ok, `${response.url} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function control(path, body) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return read(await fetch(`${stage.sandbox}/_sandbox/${path}`, body === undefined ? {} : post));
}

export async function plan(meeting) {
  return control('meetings', { timezone: 'Europe/Berlin', minutes: 45, title: 'Mentoring', ...meeting });
}

async function form(url, fields) {
  return read(await fetch(url, { method: 'POST', body: new URLSearchParams(fields) }));
}

export async function googleToken(subject, ...scopes) {
  const key = stage.google;
  const iat = Math.floor(Date.now() / 1000);
  const scope = scopes.map((name) => `https://www.googleapis.com/auth/${name}`).join(' ');
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: key.client_email, sub: subject, scope, aud: key.token_uri, iat, exp: iat + 3600 };
  const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: key.private_key_id })}.${part(claims)}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(key.private_key, 'base64url');
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const answer = await form(key.token_uri, { grant_type: grant, assertion: `${signed}.${signature}` });
  return answer.access_token;
}

export async function graphToken() {
  const { tenant_id, client_id, client_secret } = stage.microsoft;
  const answer = await form(`${stage.sandbox}/login/${tenant_id}/oauth2/v2.0/token`, {
    grant_type: 'client_credentials',
    client_id,
    client_secret,
    scope: 'https://graph.microsoft.com/.default',
  });
  return answer.access_token;
}

// Takes notices, and answers Graph's handshakes.
export async function receiver() {
  const heard = [];
  let wake = () => {};
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = new URL(request.url, 'http://localhost').searchParams.get('validationToken');
    if (token !== null) {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(token);
      return;
    }
    heard.push({ headers: request.headers, body: body ? JSON.parse(body) : null });
    response.writeHead(202).end();
    wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/hooks`,
    // The notices, once there are that many.
    async heard(count) {
      const late = AbortSignal.timeout(20_000);
      while (heard.length < count) {
        const told = new Promise((resolve) => (wake = resolve));
        if (heard.length < count) await Promise.race([told, once(late, 'abort')]);
        assert(!late.aborted, `${heard.length} notices came, not ${count}`);
      }
      return heard;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// Microsoft's client follows links and gives its token to https alone; the way there is plain here.
export const secure = stage.url.replace('http:', 'https:');
const plain = globalThis.fetch;
globalThis.fetch = async (asked, options) => {
  assert(typeof asked === 'string', 'an address');
  const response = await plain(asked.replace(secure, stage.url), options);
  // What Prism says of an answer that it refuses, the clients keep to themselves.
  const told = response.headers.get('sl-violations');
  if (told) console.error(`${response.url}: ${told}`);
  return response;
};

// A client's error carries half of its insides; what was answered is enough.
process.on('uncaughtException', (error) => {
  console.error(error.stack);
  const told = error.response?.headers?.get?.('sl-violations');
  if (told) console.error(told);
  if (error.response?.data ?? error.body) console.error(JSON.stringify(error.response?.data ?? error.body));
  process.exit(1);
});
