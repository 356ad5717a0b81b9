// GraphQL over HTTP, audited by the reference implementation's own suite: all of it must hold.
//   node audit.mjs [url]
import { auditServer } from 'graphql-http';

const url = process.argv[2] ?? process.env.RABTA_URL ?? 'http://127.0.0.1:8080/graphql';
const results = await auditServer({ url });
const failed = results.filter((result) => result.status !== 'ok');
for (const { id, name, status, reason } of failed) console.log(`${status} ${id} ${name}: ${reason}`);
console.log(`${results.length - failed.length} of ${results.length} audits hold`);
process.exit(failed.length === 0 && results.length > 0 ? 0 : 1);
