// The explorer page: GraphiQL on the server's own endpoint, with the journey's operations in tabs.
//
// An access token that an operation returns is kept in memory, for this page only, and sent with
// what follows; so one can sign in and go on. A header written by hand goes before it. Ids are kept,
// too: where an operation holds gig_00000000000000000000000000, the gig of the last answer with one
// is meant, so the examples can be played one after the other without copying anything.
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
let ids = {};

function keep(found) {
  token = found;
  tell();
}

function tell() {
  for (const listener of listeners) listener({ token, ids });
}

// The first id of each kind in an answer, in the order it is written.
function idsIn(value, found = {}) {
  if (typeof value === 'string') {
    const kind = /^([a-z]{3})_[0-9a-z]{26}$/.exec(value)?.[1];
    if (kind && !(kind in found)) found[kind] = value;
  } else if (value !== null && typeof value === 'object') {
    for (const inner of Object.values(value)) idsIn(inner, found);
  }
  return found;
}

// An operation with the ids that its placeholders stand for.
function filled(text) {
  return text?.replace(/\b([a-z]{3})_0{26}\b/g, (placeholder, kind) => ids[kind] ?? placeholder);
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
  // What begins a session goes without the token of another, which may have expired: a bad one is refused.
  const begins = /\b(signUp|signIn|sessionRefresh|passkeySignIn)\s*\(/.test(options.body);
  if (token && !begins && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(url, { ...options, headers });
  const body = await response.clone().json().catch(() => null);
  const found = tokenIn(body?.data);
  ids = { ...ids, ...idsIn(body?.data) };
  if (found) keep(found);
  else tell();
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
const ask = createGraphiQLFetcher({ url: endpoint, fetch: send, wsClient });
const fetcher = (params, options) => {
  const variables = params.variables && JSON.parse(filled(JSON.stringify(params.variables)));
  return ask({ ...params, query: filled(params.query), variables }, options);
};

const KINDS = {
  org: 'organization',
  gig: 'gig',
  usr: 'user',
  pro: 'proposal',
  off: 'offer',
  mil: 'milestone',
  con: 'contract',
  pme: 'payout method',
};

function Kept() {
  const [kept, setKept] = useState({ token, ids });
  useEffect(() => {
    listeners.add(setKept);
    return () => listeners.delete(setKept);
  }, []);
  const known = Object.entries(KINDS).filter(([kind]) => kept.ids[kind]);
  return (
    <p className="rabta-token" role="status">
      {kept.token ? 'Signed in: the access token of the last answer is sent with each operation. ' : 'Not signed in. Run SignUp or SignIn. '}
      {kept.token ? (
        <button type="button" onClick={() => keep(null)}>
          Forget it
        </button>
      ) : null}
      <br />
      {known.length > 0
        ? `Ids of zeros stand for the last ${known.map(([kind, name]) => `${name} (…${kept.ids[kind].slice(-4)})`).join(', ')}.`
        : 'Ids of zeros stand for the ids of your last answers.'}
    </p>
  );
}

// What GraphiQL leaves out for those who use a screen reader or no mouse: its tabs hold buttons, so they are a group of
// buttons; and its editors have no name, and can't be scrolled by key.
const NAMES = {
  '.graphiql-query-editor': 'Operation',
  '.graphiql-editor-tool .graphiql-editor:nth-child(1)': 'Variables',
  '.graphiql-editor-tool .graphiql-editor:nth-child(2)': 'Headers',
  '.graphiql-response': 'Answer',
};

function set(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

function repair() {
  for (const list of document.querySelectorAll('.graphiql-tabs')) {
    set(list, 'role', 'group');
  }
  for (const tab of document.querySelectorAll('.graphiql-tab')) {
    set(tab, 'role', 'none');
    set(tab, 'aria-selected', null);
    const active = tab.classList.contains('graphiql-tab-active');
    for (const button of tab.querySelectorAll('.graphiql-tab-button')) set(button, 'aria-current', active ? 'true' : null);
  }
  for (const panel of document.querySelectorAll('.graphiql-session')) set(panel, 'role', 'region');
  for (const [where, name] of Object.entries(NAMES)) {
    for (const input of document.querySelectorAll(`${where} .CodeMirror textarea`)) set(input, 'aria-label', name);
    for (const text of document.querySelectorAll(`${where} .CodeMirror-scroll`)) {
      set(text, 'tabindex', '0');
      set(text, 'role', 'group');
      set(text, 'aria-label', `${name}, to scroll`);
    }
  }
}
new MutationObserver(repair).observe(document.body, {
  subtree: true,
  childList: true,
  attributes: true,
  attributeFilter: ['role', 'aria-selected', 'class', 'tabindex'],
});

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
          <Kept />
        </GraphiQL.Footer>
      </GraphiQL>,
    );
  });
