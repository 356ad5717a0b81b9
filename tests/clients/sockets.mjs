// The clients people use for subscriptions, against the real server: both ways to subscribe tell of
// the same things, what was missed is told first, and a bad token is not taken for none.
//   node sockets.mjs [url]        a sandbox, like the one that `cargo run` starts
import { strict as assert } from 'node:assert';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const url = process.argv[2] ?? process.env.RABTA_URL ?? 'http://127.0.0.1:8080/graphql';

async function ask(query, variables, token) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

async function person(name) {
  const email = `${name}.${Date.now()}@example.com`;
  const query = `mutation($input: SignUpInput!) {
    signUp(input: $input) { tokens { accessToken viewer { user { id } } } errors { message } } }`;
  const { signUp } = await ask(query, { input: { email, name, password: 'tuba-gravel-ninety' } });
  assert.deepEqual(signUp.errors, []);
  const token = signUp.tokens.accessToken;
  const verify = `mutation { sandboxEmailVerify(input: {}) { errors { message } } }`;
  assert.deepEqual((await ask(verify, {}, token)).sandboxEmailVerify.errors, []);
  return { id: signUp.tokens.viewer.user.id, token };
}

const sockets = (token) =>
  createWs({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    lazy: true,
    retryAttempts: 0,
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
  });
const events = (token) =>
  createSse({ url, retryAttempts: 0, headers: token ? { authorization: `Bearer ${token}` } : {} });

// One result of an operation, and the end of it.
async function first(client, query, variables) {
  const results = client.iterate({ query, variables });
  const { value } = await results.next();
  await results.return?.();
  assert.equal(value.errors, undefined, JSON.stringify(value.errors));
  return value.data;
}

for (const client of [sockets(), events()]) {
  assert.deepEqual(await first(client, '{ __typename }'), { __typename: 'Query' });
  await client.dispose();
}
await assert.rejects(first(sockets('nonsense'), '{ __typename }'), (error) => error.code === 4403);
await assert.rejects(first(events('nonsense'), '{ __typename }'));

// The freelancer is told of an offer by both ways, as it is sent.
const [client, freelancer] = [await person('clara'), await person('faisal')];
const told = 'subscription { notificationReceived { cursor notification { kind subject { __typename id } } } }';
const ways = [sockets(freelancer.token), events(freelancer.token)];
const waiting = ways.map((way) => first(way, told));
const create = `mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) { organization { id } } }`;
const { organizationCreate } = await ask(create, { input: { name: 'Clara & Co' } }, client.token);
const offer = `mutation($input: OfferCreateInput!) { offerCreate(input: $input) { offer { id } errors { message } } }`;
const input = (number) => ({
  organizationId: organizationCreate.organization.id,
  freelancerId: freelancer.id,
  title: `Upkeep of website ${number}`,
  hourlyRate: { amount: '30.00' },
  weeklyLimitMinutes: 600,
});
// Whoever subscribes hears of what happens from then on, and nobody says from when: offers are sent until both have
// heard of one.
const sent = new Set();
let isHeard = false;
const heard = Promise.all(waiting).finally(() => (isHeard = true));
while (!isHeard) {
  const { offerCreate } = await ask(offer, { input: input(sent.size) }, client.token);
  assert.deepEqual(offerCreate.errors, []);
  sent.add(offerCreate.offer.id);
  await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 1000))]);
}
for (const { notificationReceived } of await heard) {
  assert.equal(notificationReceived.notification.kind, 'OFFER_SENT');
  assert.ok(sent.has(notificationReceived.notification.subject.id));
}

// Both go on where somebody left off: what happened meanwhile is told first.
const accept = `mutation($input: OfferAcceptInput!) { offerAccept(input: $input) { contract { id } errors { message } } }`;
const { offerAccept } = await ask(accept, { input: { offerId: [...sent][0] } }, freelancer.token);
const id = offerAccept.contract.id;
const act = (name) =>
  ask(`mutation($id: ID!) { ${name}(input: { contractId: $id }) { errors { message } } }`, { id }, client.token);
await act('contractPause');
const history = '{ id events(last: 1) { edges { cursor } } }';
const { contract } = await ask(`query($id: ID!) { contract(id: $id) ${history} }`, { id }, client.token);
const after = contract.events.edges[0].cursor;
await act('contractResume');
const follow = 'subscription($id: ID!, $after: String) { contractEvents(contractId: $id, after: $after) { kind } }';
for (const way of [sockets(client.token), events(client.token)]) {
  const { contractEvents } = await first(way, follow, { id, after });
  assert.equal(contractEvents.kind, 'CONTRACT_RESUMED');
  await way.dispose();
}
for (const way of ways) await way.dispose();

console.log('graphql-ws and graphql-sse are served: operations, notifications, and the history of a contract');
process.exit(0);
