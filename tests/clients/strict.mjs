// Documents that break the rules of the specification, rule by rule: graphql-js refuses each by the rule it stands under,
// and so does the server, before anything runs; and what graphql-js takes, the server takes.
//   node strict.mjs [origin]
import { buildClientSchema, getIntrospectionQuery, parse, specifiedRules, validate } from 'graphql';
import { strict } from './strict.documents.mjs';

const origin = process.argv[2] ?? process.env.RABTA_ORIGIN ?? 'http://127.0.0.1:8080';
// Subscriptions are answered by events; one that is refused before it begins, as JSON.
const post = async (query) => {
  const accept = query.startsWith('subscription') ? 'text/event-stream' : 'application/graphql-response+json';
  const init = { method: 'POST', headers: { 'content-type': 'application/json', accept }, body: JSON.stringify({ query }) };
  const response = await fetch(`${origin}/graphql`, init);
  const text = await response.text();
  if (text.startsWith('{')) return { status: response.status, ...JSON.parse(text) };
  const told = /^data: (\{.*)$/m.exec(text)?.[1];
  return told ? { status: 400, ...JSON.parse(told) } : { status: response.status, data: text };
};
const { data } = await post(getIntrospectionQuery());
const schema = buildClientSchema(data);
const { invalid, valid } = strict;
let faults = 0;
const fault = (rule, document, why) => {
  faults += 1;
  console.log(`${rule}: ${why}\n    ${document}`);
};

// What a document may be refused with: by the rules, or by a limit that comes first.
const REFUSED = ['GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED', 'FRAGMENT_CYCLE', 'INTROSPECTION_TOO_DEEP'];
let tried = 0;
for (const rule of specifiedRules) {
  const documents = invalid[rule.name] ?? [];
  if (documents.length === 0) fault(rule.name, '', 'there is no document that breaks it');
  for (const document of documents) {
    tried += 1;
    if (validate(schema, parse(document), [rule]).length === 0) fault(rule.name, document, 'graphql-js finds nothing wrong with it');
    const answer = await post(document);
    const codes = (answer.errors ?? []).map((error) => error.extensions?.code);
    if ('data' in answer || codes.length === 0) fault(rule.name, document, `the server ran it: ${JSON.stringify(answer).slice(0, 200)}`);
    else if (answer.status !== 400 || !codes.every((code) => REFUSED.includes(code))) fault(rule.name, document, `the server said ${answer.status} ${codes}`);
  }
}
for (const name of Object.keys(invalid)) {
  if (!specifiedRules.some((rule) => rule.name === name)) fault(name, '', 'there is no such rule');
}
for (const document of valid) {
  tried += 1;
  const errors = validate(schema, parse(document));
  if (errors.length > 0) fault('valid', document, `graphql-js says ${errors[0].message}`);
  const answer = await post(document);
  const codes = (answer.errors ?? []).map((error) => error.extensions?.code);
  if (codes.some((code) => REFUSED.includes(code))) fault('valid', document, `the server said ${answer.errors[0].message}`);
}
console.log(`${tried} documents, ${specifiedRules.length} rules, ${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
