// A freelancer looks through the gigs and bids on one; its client, who follows what they are told, hears of it.
//   npm run example -- http://127.0.0.1:8080/graphql       a server with demo data, like `cargo run`
// Others than the people of the demo sign in with FREELANCER, CLIENT and PASSWORD.
import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { Bid, Dashboard, Gigs, Told } from './documents.js';
import type { GigFilterInput, GigsQuery } from './generated/graphql.js';
import { Refused, Session, accepted } from './rabta.js';

const url = process.argv[2] ?? 'http://127.0.0.1:8080/graphql';
const { FREELANCER = 'freelancer@demo.example', CLIENT = 'client@demo.example' } = process.env;
const { PASSWORD = 'tuba-gravel-ninety' } = process.env;

type Gig = NonNullable<GigsQuery['gigs']>['nodes'][number];

/** All gigs that a filter finds, page by page, as far as they are looked at. */
async function* gigs(session: Session, filter: GigFilterInput): AsyncGenerator<Gig> {
  let after: string | null = null;
  do {
    const { gigs }: GigsQuery = await session.request(Gigs, { first: 2, after, filter });
    yield* gigs?.nodes ?? [];
    after = gigs?.pageInfo.hasNextPage ? (gigs.pageInfo.endCursor ?? null) : null;
  } while (after !== null);
}

/** Bid on a gig. The key makes it harmless to send this again when no answer came. */
async function bid(session: Session, gig: Gig): Promise<string> {
  const price =
    gig.kind === 'HOURLY'
      ? { hourlyRate: { amount: '45.00' } }
      : { milestones: [{ title: 'All of it', amount: { amount: '900.00' } }] };
  const input = {
    gigId: gig.id,
    coverLetter: 'I have done two of these, and both still run.',
    answers: gig.questions.map(({ id }) => ({ questionId: id, text: 'Yes: ask me how.' })),
    idempotencyKey: randomUUID(),
    ...price,
  };
  const { proposal } = accepted((await session.request(Bid, { input })).proposalSubmit);
  if (!proposal) throw new Error('no proposal');
  return proposal.id;
}

const freelancer = await Session.signIn(url, FREELANCER, PASSWORD);
const client = await Session.signIn(url, CLIENT, PASSWORD);
await freelancer.renew();

// What was told so far is shown, and what comes after it is followed: nothing falls in between.
const { viewer } = await client.request(Dashboard, {});
const company = viewer?.organizations.nodes[0]?.id;
assert.ok(company, 'the client has a company');
const told = client.follow(Told, { after: viewer?.notifications.edges[0]?.cursor ?? null });
const hears = (async () => {
  for await (const { notificationReceived } of told) {
    const { kind, subject } = notificationReceived.notification;
    if (kind === 'PROPOSAL_SUBMITTED') return subject?.id;
  }
  throw new Error('nothing more was told');
})();

let proposal: string | undefined;
let looked = 0;
for await (const gig of gigs(freelancer, { client: company, states: ['OPEN'] })) {
  looked += 1;
  try {
    proposal = await bid(freelancer, gig);
    console.log(`bid on "${gig.title}"`);
    break;
  } catch (error) {
    // Somebody who has bid already, or may not, is told why.
    if (!(error instanceof Refused)) throw error;
    console.log(`"${gig.title}": ${error.refusals.map(({ code }) => code).join(', ')}`);
  }
}
assert.ok(proposal, `none of ${looked} gigs could be bid on`);
assert.equal(await hears, proposal, 'the client hears of the bid');

// What is refused says why, as values that a form shows beside its fields.
const nowhere = { input: { gigId: 'gig_00000000000000000000000000', coverLetter: 'Hello' } };
const refused = await freelancer.request(Bid, nowhere);
assert.equal(refused.proposalSubmit?.errors[0]?.__typename, 'NotFoundError');

await Promise.all([freelancer.close(), client.close()]);
console.log('signed in, refreshed, looked through the gigs, bid, and the client heard of it');
