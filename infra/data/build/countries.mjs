// The names of countries, as the Unicode CLDR has them in English: `code <tab> name`, a country a line.
//   node countries.mjs > ../countries.tsv        any Node with the full ICU data, as it comes
const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const codes = letters.flatMap((first) => letters.map((second) => first + second));
// Neither other codes of a country, nor what is no country.
const canonical = (code) => new Intl.Locale(`und-${code}`).maximize().region === code;
const others = new Set(['AC', 'CP', 'CQ', 'DG', 'EA', 'EU', 'EZ', 'IC', 'QO', 'TA', 'UN', 'XA', 'XB', 'ZZ']);
for (const code of codes) {
  const name = names.of(code);
  if (name && canonical(code) && !others.has(code)) console.log(`${code}\t${name}`);
}
