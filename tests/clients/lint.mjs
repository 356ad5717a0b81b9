// The schema, read by graphql-eslint: its recommended rules and its Relay rules, and a description for everything.
//   node lint.mjs
// Nothing is switched off in silence: whatever is not asked for, or passes although a rule speaks against it, stands
// here with the reason. An exception that nothing needs any more is a finding, too.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import graphql from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = 'api/schema.graphql';
const rule = (name) => `@graphql-eslint/${name}`;

const rules = {
  ...graphql.configs['flat/schema-recommended'].rules,
  ...graphql.configs['flat/schema-relay'].rules,
  [rule('require-description')]: [
    'error',
    {
      types: true,
      rootField: true,
      FieldDefinition: true,
      InputValueDefinition: true,
      EnumValueDefinition: true,
      DirectiveDefinition: true,
      // The arguments of directives that are GraphQL's own are described by its specification.
      ignoredSelectors: ['DirectiveDefinition[name.value=/^(include|skip|specifiedBy)$/] > InputValueDefinition'],
    },
  ],
  // Connections have `nodes` besides `edges`, for those who need no cursors; and lists of values need no pages.
  [rule('relay-edge-types')]: ['error', { listTypeCanWrapOnlyEdgeType: false }],
  // Of the stricter rules:
  [rule('input-name')]: ['error', { checkInputType: true, caseSensitiveInputType: false }],
  [rule('no-scalar-result-type-on-mutation')]: 'error',
  [rule('require-deprecation-date')]: 'error',
  [rule('require-nullable-fields-with-oneof')]: 'error',
  [rule('require-nullable-result-in-root')]: 'error',
  // Not asked for:
  // - alphabetize: what is printed is sorted already, `id` in its place.
  // - no-root-type: this is a marketplace; things are done, and followed.
  // - require-field-of-type-query-in-mutation-result: payloads hold what changed, by its id. That a mutation may take
  //   the whole of Query along would make each as expensive as any query.
  // - require-type-pattern-with-oneof: errors are a list beside what changed, so that all faults of a form are told
  //   at once; with one of both there would be only one.
};

// Types without an id of their own are values, or belong to what they stand in. A new one has to be put here by hand,
// which asks whether it should be a Node.
const values = [
  'BankCalendar', 'BankHoliday', 'BudgetRange', 'ClientBalances', 'ClientRecord', 'Clock', 'CompliancePack', 'ComplianceWording', 'ContractClauses', 'ContractMoney', 'ContractPaymentMethod', 'CounterOffer', 'Credential', 'DisputeFinding', 'DisputeOffers',
  'DisputeOutcome', 'DisputeSides', 'ExposureOfVersion', 'ExposureReport', 'FeePreview', 'FeeQuote',
  'FreelancerBalances', 'FreelancerMatch', 'FxQuote', 'GigMatch', 'GigSkill', 'IdentityAssurance', 'InvoiceSum', 'InvitationToJoin', 'IssuedWebhookSecret', 'MatchExplanation', 'MatchFactor',
  'MatchImprovement', 'MatchLeftOut', 'MessageReceived', 'MilestoneMoney', 'Money', 'NotificationReceived', 'OutageGrant', 'PageInfo',
  'PasskeyCeremony', 'Payee', 'PlaceAttestation', 'PayoutPurpose', 'PayoutWord', 'PlatformBalance', 'PolicyTerms', 'PolicyVersion', 'ProfileSkill', 'ProposalGroup', 'ProposalQuota',
  'ProposedMilestone', 'ProposedPrice', 'Rating', 'RefundRequest', 'RequiredLanguage', 'Retention', 'Revision',
  'SavedPaymentMethod', 'ScreeningAnswer', 'ScreeningLine', 'SecondFactor', 'SecondFactorEnrollment', 'SessionTokens', 'SkillCategory', 'SkillGap',
  'SkillGapReport', 'SkillSuggestion', 'SpokenLanguage', 'StatementEntry', 'StatementHead', 'StatementPosting',
  'TaxForm', 'TimesheetMoney', 'Viewer',
];
rules[rule('strict-id-in-types')] = [
  'error',
  { exceptions: { types: values, suffixes: ['Connection', 'Edge', 'Payload', 'Error'] } },
];

// Lists of what has no id of its own: a page of a ranking, of the versions of something, of sealed entries.
const edgesOfValues = [
  'ContractPaymentMethodEdge', 'FreelancerMatchEdge', 'GigMatchEdge', 'OutageGrantEdge', 'PolicyVersionEdge',
  'RevisionEdge', 'StatementEntryEdge',
];

const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.graphql'],
      languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: `${root}/${file}` } } },
      plugins: { '@graphql-eslint': graphql },
      rules,
    },
  ],
});
const lines = readFileSync(`${root}/${file}`, 'utf8').split('\n');
const [{ messages }] = await eslint.lintFiles([file]);
const excused = new Set();
const found = [];
for (const { ruleId, line, message } of messages) {
  const edge = /^type (\w+)/.exec(lines[line - 1])?.[1];
  if (ruleId === rule('relay-edge-types') && message.includes('`Node`') && edgesOfValues.includes(edge)) excused.add(edge);
  else found.push(`${file}:${line} ${ruleId}: ${message}`);
}
for (const edge of edgesOfValues) if (!excused.has(edge)) found.push(`${edge} needs no exception any more`);
for (const value of values) if (!lines.some((line) => line.startsWith(`type ${value} `))) found.push(`there is no ${value} any more`);
for (const line of found) console.log(line);
console.log(`${Object.keys(rules).length} rules of graphql-eslint, ${found.length} findings`);
process.exit(found.length === 0 ? 0 : 1);
