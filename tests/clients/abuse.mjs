// Attacks on documents, HTTP, inputs, tokens, sign-in and sockets, one after the other: how each is answered, in what time,
// and what memory the server takes. Each must be refused with a typed error, or answered as if nothing were; none may cost
// more than a moment.
//   node abuse.mjs [origin] [pid of the server]        with demo data, like `cargo run`; then the sign-ins are tried, too
import { strict as assert } from 'node:assert';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import WebSocket from 'ws';

const origin = process.argv[2] ?? 'http://127.0.0.1:8080';
const pid = process.argv[3];
const url = `${origin}/graphql`;
const { hostname, port } = new URL(origin);
const rows = [];
let wrong = 0;

const memory = () => {
  if (!pid) return {};
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024);
  return { now: megabytes('VmRSS'), most: megabytes('VmHWM') };
};

// Attack, and compare what came with what should: a code, several that are all right, or a test of the answer.
async function attack(family, name, wanted, act) {
  const before = memory().now;
  const began = performance.now();
  let came;
  try {
    came = await act();
  } catch (error) {
    came = `broke: ${error.message}`;
  }
  const took = performance.now() - began;
  const fine = [wanted].flat().includes(came);
  if (!fine) wrong += 1;
  rows.push({ family, name, answer: String(came).slice(0, 60), ms: took, grew: pid ? memory().now - before : undefined, fine });
  if (!fine) console.log(`${family}: ${name}: ${[wanted].flat().join(' or ')} was expected, and ${came} came`);
}

async function post(body, headers = {}) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body, duplex: 'half' };
  const response = await fetch(url, init);
  return { status: response.status, body: await response.json().catch(() => ({})) };
}
// The code of the first error, wherever it stands; with the limit and the value where it names them.
function code({ status, body }) {
  const [error] = body.errors ?? [];
  const inner = Object.values(body.data ?? {}).flatMap((payload) => payload?.errors ?? [])[0];
  const facts = error?.extensions ?? {};
  if (error && !facts.traceId) return `an error without a trace id: ${error.message}`;
  if ('limit' in facts && !(facts.limit >= 0)) return 'a limit that is none';
  return facts.code ?? inner?.code ?? (body.data ? 'answered' : `status ${status}`);
}
const ask = async (query, variables = {}, headers = {}) => code(await post(JSON.stringify({ query, variables }), headers));
const raw = (text, wait = 3_000) =>
  new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(port), hostname, () => {
      for (const part of [text].flat()) socket.write(part);
    });
    const done = () => {
      socket.destroy();
      resolve(/^HTTP\/1.1 (\d+)/.exec(heard)?.[1] ?? 'closed');
    };
    socket.on('data', (data) => {
      heard += data;
      if (heard.includes('\r\n\r\n')) done();
    });
    socket.on('error', done).on('close', done);
    setTimeout(() => (heard ? done() : (socket.destroy(), resolve('silence'))), wait).unref();
  });

const many = (n, text) => Array.from({ length: n }, (_, i) => text(i)).join(' ');
const nested = (n, open, inner, close) => open.repeat(n) + inner + close.repeat(n);
const doubling = (levels) =>
  `{ ...F0 } ${many(levels, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F${levels} on Query { __typename }`;
const page = 'edges { node { id } }';

const documents = [
  ['20 fields deep', 'TOO_DEEP', `{ skills(first: 1) { nodes ${nested(20, '{ parent ', '{ id }', ' }')} } }`],
  ['100 literals deep', 'TOO_NESTED', `{ gigs(filter: ${nested(100, '[', '', ']')}) { ${page} } }`],
  ['20,000 literals deep', 'TOO_MANY_TOKENS', `{ gigs(filter: ${nested(20_000, '[', '', ']')}) { ${page} } }`],
  ['a type 100 lists deep', 'TOO_NESTED', `query($x: ${nested(100, '[', 'Int', ']')}) { __typename }`],
  ['a type 20,000 lists deep', 'TOO_MANY_TOKENS', `query($x: ${nested(20_000, '[', 'Int', ']')}) { __typename }`],
  ['101 aliases of a field', 'TOO_MANY_REPEATS', `{ ${many(101, (i) => `a${i}: __typename`)} }`],
  ['75 aliases here and there', 'TOO_MANY_ALIASES', `{ ${many(15, (i) => `s${i}: skills(first: 1) { nodes { a: id b: id c: name d: name } }`)} }`],
  ['a text under three names', 'TOO_MANY_REPEATS', '{ gigs(first: 100) { nodes { a: description b: description c: description } } }'],
  ['a dear order by variable', 'TOO_EXPENSIVE', `query($o: GigOrder! = BEST_MATCH) { ${many(20, (i) => `a${i}: gigs(first: 1, orderBy: $o) { nodes { id } }`)} }`],
  ['a field 1,000 times', 'TOO_MANY_REPEATS', `{ ${many(1_000, () => '__typename')} }`],
  ['10,000 repeats', 'TOO_MANY_TOKENS', `{ ${many(10_000, () => '__typename')} }`],
  ['200,000 tokens', ['TOO_MANY_TOKENS', 'BODY_TOO_LARGE'], `{ ${many(200_000, () => 'a')} }`],
  ['5,000 operations', 'TOO_MANY_TOKENS', many(5_000, (i) => `query Q${i} { __typename }`)],
  ['100 operations', 'TOO_MANY_OPERATIONS', many(100, (i) => `query Q${i} { __typename }`)],
  ['10,000 variables', 'TOO_MANY_TOKENS', `query(${many(10_000, (i) => `$v${i}: Int`)}) { __typename }`],
  ['200 variables', 'TOO_MANY_VARIABLES', `query(${many(200, (i) => `$v${i}: Int`)}) { __typename }`],
  ['500 directives', ['TOO_MANY_DIRECTIVES', 'DIRECTIVE_REPEATED', 'GRAPHQL_VALIDATION_FAILED'], `{ __typename ${many(500, () => '@skip(if: false)')} }`],
  ['unknown directives', 'GRAPHQL_VALIDATION_FAILED', '{ __typename @a }'],
  ['a fragment in a circle', 'FRAGMENT_CYCLE', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'],
  ['a fragment doubled 22 times', ['TOO_LARGE', 'TOO_DEEP'], doubling(22)],
  ['a fragment doubled 60 times', ['TOO_LARGE', 'TOO_DEEP'], doubling(60)],
  ['a page of -1', ['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED'], `{ gigs(first: -1) { ${page} } }`],
  ['a page of nothing', 'answered', `{ gigs(first: 0) { ${page} } }`],
  ['a page of a billion', 'TOO_EXPENSIVE', `{ gigs(first: 1000000000) { ${page} } }`],
  ['pages within pages', 'TOO_EXPENSIVE', '{ gigs(first: 100) { nodes { proposals(first: 100) { nodes { revisions(first: 100) { nodes { number } } } } } } }'],
  ['a dear field 21 times', 'TOO_MANY_REPEATS', `{ ${many(21, (i) => `a${i}: gigs(first: 1) { ${page} }`)} }`],
  ['100 sign-ins by alias', ['TOO_MANY_ALIASES', 'TOO_MANY_MUTATIONS', 'TOO_MANY_REPEATS'], `mutation { ${many(100, (i) => `a${i}: signIn(input: { email: "a@example.com", password: "x" }) { errors { code } }`)} }`],
  ['introspection in a circle', 'INTROSPECTION_TOO_DEEP', `{ __schema { types { ${nested(5, 'fields { type { ', 'name', ' } }')} } } }`],
  ['a selection of a leaf', 'GRAPHQL_VALIDATION_FAILED', '{ __typename { a } }'],
  ['an integer past 32 bits', 'GRAPHQL_VALIDATION_FAILED', `{ gigs(first: 4294967296) { ${page} } }`],
];
for (const [name, wanted, query] of documents) await attack('documents', name, wanted, () => ask(query));

const signOut = 'mutation { signOut(input: {}) { errors { code } } }';
const get = async (path, init = {}) => {
  const response = await fetch(`${origin}${path}`, init);
  return code({ status: response.status, body: await response.json().catch(() => ({})) });
};
await attack('http', 'a mutation by GET', 'MUTATION_BY_GET', () => get(`/graphql?query=${encodeURIComponent(signOut)}`));
for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/graphql', 'text/plain; application/json'])
  await attack('http', `a body as ${type}`, 'UNSUPPORTED_MEDIA_TYPE', async () => code(await post(JSON.stringify({ query: signOut }), { 'content-type': type })));
for (const body of ['', '{', '{"query":}', '{"query":"{a}",}', '{"query":"{a}"} x', '\ufeff{"query":"{a}"}', '{"query":"{a}","variables":{"s":"\\ud800"}}'])
  await attack('http', `JSON that is none: ${body.slice(0, 20) || 'nothing'}`, ['BAD_JSON', 'BAD_REQUEST'], async () => code(await post(body)));
for (const body of ['null', '1', '"{a}"', '{}', '{"query":1}', '{"query":"{a}","variables":[]}', '{"query":"{a}","operationName":1}'])
  await attack('http', `JSON of another kind: ${body}`, 'BAD_REQUEST', async () => code(await post(body)));
await attack('http', 'a batch', 'BATCHING_REFUSED', async () => code(await post(`[${many(50, () => '{"query":"{__typename}"}').replaceAll(' ', ',')}]`)));
await attack('http', 'JSON 100,000 deep', 'BAD_JSON', async () => code(await post(`{"query":"{a}","variables":${nested(100_000, '[', '', ']')}}`)));
await attack('http', '16 MB', 'BODY_TOO_LARGE', () => raw(['POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 16777216\r\n\r\n', 'x'.repeat(1 << 16)]).then((status) => (status === '413' ? 'BODY_TOO_LARGE' : status)));
await attack('http', '1 MB in chunks', ['413', 'closed'], () => raw(['POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n', ...Array.from({ length: 16 }, () => `10000\r\n${'x'.repeat(65_536)}\r\n`), '0\r\n\r\n']));
await attack('http', 'a bomb of gzip', 'UNSUPPORTED_MEDIA_TYPE', async () => code(await post(gzipSync(Buffer.alloc(1 << 24)), { 'content-encoding': 'gzip' })));
await attack('http', '256 KB of headers', ['431', 'closed', '400'], () => raw(`GET / HTTP/1.1\r\nhost: x\r\n${many(64, (i) => `x-${i}: ${'y'.repeat(4_096)}\r\n`).replaceAll('\r\n ', '\r\n')}\r\n`));
const head = 'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
await attack('http', 'a length and chunks', ['400', 'closed'], () => raw(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`));
await attack('http', 'two lengths', ['400', 'closed'], () => raw(`${head}content-length: 5\r\ncontent-length: 6\r\n\r\n123456`));
for (const path of ['/.git/config', '/debug/pprof', '/admin', '/%2e%2e/etc/passwd', '/graphql/../.env'])
  await attack('http', path, 'NO_SUCH_PAGE', () => get(path));
await attack('http', 'TRACE', ['405', '404'], () => raw('TRACE /graphql HTTP/1.1\r\nhost: x\r\n\r\n'));
await attack('http', 'a page of elsewhere', 'no', async () => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', origin: 'https://elsewhere.example' }, body: '{"query":"{__typename}"}' });
  return response.headers.get('access-control-allow-origin') ?? 'no';
});

const search = 'query($text: String) { gigs(first: 1, filter: { text: $text }) { edges { node { id } } } }';
for (const [name, text] of [['a NUL', 'a\u0000b'], ['SQL', "'; drop table users; --"], ['a path', '../../etc/passwd'], ['letters turned around', 'a\u202eb'], ['100 KB of text', 'x'.repeat(100_000)]])
  await attack('inputs', name, ['answered', 'BAD_USER_INPUT'], () => ask(search, { text }));
for (const [name, first] of [['the smallest integer', -2147483648], ['the largest integer', 2147483647], ['a fraction', 0.5], ['a text', 'x'], ['past 64 bits', 1e30]])
  await attack('inputs', name, ['BAD_USER_INPUT', 'TOO_EXPENSIVE', 'GRAPHQL_VALIDATION_FAILED'], () => ask(`query($n: Int) { gigs(first: $n) { ${page} } }`, { n: first }));
for (const [name, after] of [['a cursor that is none', 'nonsense'], ['a cursor of SQL', Buffer.from('["x",[{"int":1}]]').toString('base64url')]])
  await attack('inputs', name, 'BAD_USER_INPUT', () => ask(`query($c: String) { gigs(first: 1, after: $c) { ${page} } }`, { c: after }));
for (const id of ['', 'x', 'usr_00000000000000000000000000', 'gig_zzzzzzzzzzzzzzzzzzzzzzzzzz', 'g'.repeat(60_000)])
  await attack('inputs', `an id like ${id.slice(0, 12) || 'nothing'}`, ['answered', 'BAD_USER_INPUT', 'NOT_FOUND'], () => ask('query($id: ID!) { gig(id: $id) { id } }', { id }));
for (const from of ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '+275760-09-13T00:00:00Z', 'yesterday'])
  await attack('inputs', `since ${from}`, ['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED', 'NOT_FOUND', 'UNAUTHENTICATED'], () => ask('query($a: DateTime!) { exposureReport(from: $a, until: $a) { gini } }', { a: from }));

const base = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const { keys = [] } = await (await fetch(`${origin}/.well-known/jwks.json`)).json().catch(() => ({}));
const claims = { sub: 'usr_00000000000000000000000000', iss: 'rabta', aud: 'rabta', iat: 0, exp: 4_000_000_000 };
const forged = (header, sign = () => '') => {
  const text = `${base(header)}.${base(claims)}`;
  return `${text}.${sign(text)}`;
};
const hmac = (text) => createHmac('sha256', JSON.stringify(keys[0] ?? '')).update(text).digest('base64url');
const tokens = {
  'alg none': forged({ alg: 'none', typ: 'JWT' }),
  'HS256 with the public key': forged({ alg: 'HS256', typ: 'JWT', kid: keys[0]?.kid }, hmac),
  'a kid that is a path': forged({ alg: 'EdDSA', kid: '../../../dev/null' }, hmac),
  'a kid of SQL': forged({ alg: 'EdDSA', kid: "' or 1=1 --" }, hmac),
  'a key of its own': forged({ alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }, hmac),
  'a key from elsewhere': forged({ alg: 'EdDSA', jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/key' }, hmac),
  nonsense: 'nonsense',
  '5,000 letters': 'a'.repeat(5_000),
};
for (const [name, token] of Object.entries(tokens))
  await attack('tokens', name, 'TOKEN_INVALID', () => ask('{ viewer { email } }', {}, { authorization: `Bearer ${token}` }));
await attack('tokens', 'another scheme', 'TOKEN_INVALID', () => ask('{ viewer { email } }', {}, { authorization: 'Basic YTpi' }));
await attack('tokens', 'in the address', ['TOKEN_IN_URL', 'BAD_REQUEST'], () => get(`/graphql?query={__typename}&access_token=${tokens.nonsense}`));

const signIn = (email, password) =>
  ask('mutation($i: SignInInput!) { signIn(input: $i) { errors { code } tokens { accessToken } } }', { i: { email, password } });
await attack('sign-in', 'somebody unknown', ['WRONG_CREDENTIALS', 'INVALID_CREDENTIALS'], () => signIn(`${Date.now()}@example.com`, 'wrong'));
await attack('sign-in', 'a wrong password of somebody known', ['WRONG_CREDENTIALS', 'INVALID_CREDENTIALS'], () => signIn('client@demo.example', 'wrong'));
await attack('sign-in', 'a password of 60,000 letters', ['WRONG_CREDENTIALS', 'INVALID_CREDENTIALS', 'TOO_LONG'], () => signIn('client@demo.example', 'x'.repeat(60_000)));

const told = 'subscription { notificationReceived { cursor } }';
const socket = (say, options = {}, wait = 3_000) =>
  new Promise((resolve) => {
    const line = new WebSocket(url.replace(/^http/, 'ws'), options.protocol ?? 'graphql-transport-ws', options.settings ?? {});
    const messages = [];
    line.on('open', () => say((message) => line.send(typeof message === 'string' ? message : JSON.stringify(message))));
    line.on('message', (message) => messages.push(JSON.parse(message)));
    line.on('unexpected-response', (_, response) => (resolve(`status ${response.statusCode}`), line.terminate()));
    line.on('error', () => {});
    line.on('close', (closed) => resolve(String(closed)));
    setTimeout(() => {
      resolve(options.told?.(messages) ?? 'open');
      line.terminate();
    }, wait).unref();
  });
const hello = { type: 'connection_init', payload: {} };
const subscribe = (id, query) => ({ type: 'subscribe', id, payload: { query } });
await attack('sockets', 'an operation before hello', '4401', () => socket((say) => say(subscribe('1', told))));
await attack('sockets', 'hello twice', '4429', () => socket((say) => (say(hello), say(hello))));
await attack('sockets', 'a bad token', '4403', () => socket((say) => say({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } })));
await attack('sockets', 'no message at all', '4400', () => socket((say) => (say(hello), say('{'))));
await attack('sockets', '8 MB', ['1009', '1006'], () => socket((say) => say('x'.repeat(8 << 20))));
await attack('sockets', 'a page of elsewhere', 'status 403', () => socket(() => {}, { settings: { origin: 'https://elsewhere.example' } }));
await attack('sockets', 'another protocol', ['4406', '1006'], () => socket((say) => say(hello), { protocol: 'graphql-ws' }));
const codes = (messages) => messages.flatMap(({ payload }) => (Array.isArray(payload) ? payload : (payload?.errors ?? []))).map((error) => error.extensions?.code);
await attack('sockets', '1,000 operations at once', 'enough', () =>
  socket(
    (say) => {
      say(hello);
      for (let i = 0; i < 1_000; i += 1) say(subscribe(`s${i}`, told));
    },
    { told: (messages) => (codes(messages).length > 900 ? 'enough' : `${codes(messages).length} refused`) },
    4_000,
  ),
);
await attack('sockets', 'a fragment doubled 60 times', 'TOO_LARGE', () =>
  socket((say) => (say(hello), say(subscribe('1', doubling(60)))), { told: (messages) => codes(messages)[0]?.replace('TOO_DEEP', 'TOO_LARGE') ?? 'nothing' }, 1_000),
);

assert.deepEqual((await post('{"query":"{__typename}"}')).body.data, { __typename: 'Query' });
for (const { family, name, answer, ms, grew } of rows)
  console.log(`${family.padEnd(10)} ${name.slice(0, 40).padEnd(41)} ${answer.padEnd(28)} ${ms.toFixed(1).padStart(8)} ms${grew === undefined ? '' : `${String(grew).padStart(5)} MB`}`);
const { now, most } = memory();
console.log(`${rows.length} attacks, ${wrong} answered otherwise than they should be${pid ? `; the server takes ${now} MB, and took ${most} MB at the most` : ''}`);
process.exit(wrong === 0 && !(most > 300) ? 0 : 1);
