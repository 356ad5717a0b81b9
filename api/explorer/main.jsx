// The explorer page: GraphiQL on the server's own endpoint, with the journey's operations in tabs.
//
// An access token that an operation returns is kept in memory, for this page only, and sent with
// what follows; so one can sign in and go on. A header written by hand goes before it.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import 'graphiql/graphiql.css';
import './page.css';

const endpoint = '/graphql';
const listeners = new Set();
let token = null;

function keep(found) {
  token = found;
  for (const listener of listeners) listener(found);
}

// The first access token anywhere in an answer.
function tokenIn(value) {
  if (value === null || typeof value !== 'object') return null;
  if (typeof value.accessToken === 'string') return value.accessToken;
  for (const inner of Object.values(value)) {
    const found = tokenIn(inner);
    if (found) return found;
  }
  return null;
}

async function send(url, options) {
  const headers = new Headers(options.headers);
  if (token && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(url, { ...options, headers });
  const body = await response.clone().json().catch(() => null);
  const found = tokenIn(body?.data);
  if (found) keep(found);
  const ended = body?.errors?.some((error) => ['TOKEN_EXPIRED', 'SESSION_ENDED', 'TOKEN_INVALID'].includes(error?.extensions?.code));
  if (ended) keep(null);
  return response;
}

const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:';
const wsClient = createClient({
  url: `${scheme}//${window.location.host}${endpoint}`,
  lazy: true,
  connectionParams: () => (token ? { authorization: `Bearer ${token}` } : {}),
});
const fetcher = createGraphiQLFetcher({ url: endpoint, fetch: send, wsClient });

function SignedIn() {
  const [kept, setKept] = useState(token);
  useEffect(() => {
    listeners.add(setKept);
    return () => listeners.delete(setKept);
  }, []);
  return (
    <p className="rabta-token" role="status">
      {kept ? 'Signed in: the access token of the last answer is sent with each operation. ' : 'Not signed in. Run “Sign up” or “Sign in”. '}
      {kept ? (
        <button type="button" onClick={() => keep(null)}>
          Forget it
        </button>
      ) : null}
    </p>
  );
}

fetch('/explorer/examples.json')
  .then((response) => response.json())
  .catch(() => [])
  .then((tabs) => {
    createRoot(document.getElementById('explorer')).render(
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={tabs.map(({ query, variables }) => ({ query, variables }))}
        shouldPersistHeaders={false}
        defaultEditorToolsVisibility="variables"
      >
        <GraphiQL.Logo>Rabta</GraphiQL.Logo>
        <GraphiQL.Footer>
          <SignedIn />
        </GraphiQL.Footer>
      </GraphiQL>,
    );
  });
