// The clients people use for subscriptions, against the real server.
//   node sockets.mjs [url]
import { strict as assert } from 'node:assert';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const url = process.argv[2] ?? process.env.RABTA_URL ?? 'http://127.0.0.1:8080/graphql';
const query = '{ __typename }';

async function first(client) {
  const results = client.iterate({ query });
  const { value } = await results.next();
  await results.return?.();
  return value;
}

const ws = createWs({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, lazy: true, retryAttempts: 0 });
assert.deepEqual((await first(ws)).data, { __typename: 'Query' });
await ws.dispose();

const refused = createWs({
  url: url.replace(/^http/, 'ws'),
  webSocketImpl: WebSocket,
  lazy: true,
  retryAttempts: 0,
  connectionParams: { authorization: 'Bearer nonsense' },
});
await assert.rejects(first(refused), (error) => error.code === 4403);

const sse = createSse({ url, retryAttempts: 0 });
assert.deepEqual((await first(sse)).data, { __typename: 'Query' });
sse.dispose();

console.log('graphql-ws and graphql-sse are served');
process.exit(0);
