// Each operation of the explorer page is valid for the server's own schema.
//   node examples.mjs [origin]
import { buildClientSchema, getIntrospectionQuery, parse, validate } from 'graphql';

const origin = process.argv[2] ?? process.env.RABTA_ORIGIN ?? 'http://127.0.0.1:8080';
const headers = { 'content-type': 'application/json' };
const body = JSON.stringify({ query: getIntrospectionQuery() });
const { data } = await (await fetch(`${origin}/graphql`, { method: 'POST', headers, body })).json();
const schema = buildClientSchema(data);
const examples = await (await fetch(`${origin}/explorer/examples.json`)).json();
let faults = 0;
for (const { query } of examples) {
  for (const error of validate(schema, parse(query))) {
    faults += 1;
    console.log(error.toString());
  }
}
console.log(`${examples.length} examples, ${faults} faults`);
process.exit(examples.length > 0 && faults === 0 ? 0 : 1);
