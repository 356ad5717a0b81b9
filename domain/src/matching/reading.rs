//! Reading: what a gig's or a profile's own words say of skills, roles and experience.
//!
//! What is read is a suggestion to whoever wrote the text, and all there is to go by where nobody
//! filled in a form.

use std::borrow::Cow;

use super::features::{AskedSkill, Need, Seniority};
use super::fixed::Value;
use super::role::Role;
use super::shipped::is_too_general;
use super::taxonomy::Taxonomy;
use crate::id::SkillId;

/// What a gig's words ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The skills, as they come.
    pub skills: Vec<AskedSkill>,
    /// The roles, the surest first.
    pub roles: Vec<Role>,
    /// How experienced a person.
    pub seniority: Option<Seniority>,
    /// The sentences of the description that ask for skills or for people: what the work is, without the
    /// company and the ways to apply.
    pub work: String,
}

/// A title is no longer than this when it is cut from a text.
const LONGEST_TITLE: usize = 160;
/// A head in parts may be this long,
const LONGEST_HEAD: usize = 400;
/// where no part is longer than this.
const LONGEST_PART: usize = 100;
/// A reading names at most so many roles.
const ROLES: usize = 4;
/// A skill read with less confidence than this, in thousandths, is not asked for.
const LEAST_CONFIDENCE: u16 = 600;

/// Read a gig. Where its client listed skills, those tell of roles, and the words of its description do not.
pub fn gig(title: &str, description: &str, listed: &[AskedSkill], taxonomy: &Taxonomy) -> Reading {
    let description = without_name(title, description);
    let (skills, work) = asked_skills(title, &description, taxonomy);
    let roles = asked_roles(title, &description, if listed.is_empty() { &skills } else { listed });
    let seniority = seniority(title).or_else(|| seniority(&description));
    Reading { skills, roles, seniority, work }
}

/// Read a gig that came as one text: its first line, or what stands before the last `|` of its head, or its
/// first sentence, is the title.
pub fn gig_text(text: &str, taxonomy: &Taxonomy) -> Reading {
    let (title, description) = cut_title(text);
    gig(title, description, &[], taxonomy)
}

fn cut_title(text: &str) -> (&str, &str) {
    let start = first_letters(text, LONGEST_TITLE);
    let end = start.find('\n').or_else(|| end_of_head(text)).unwrap_or_else(|| end_of_words(start, text));
    text.split_at(end)
}

/// Where the head of a text ends that no line and no bar ends: with its first sentence, or, where that is long, with a
/// thought; and no earlier than it names a role, if a few more words do.
fn end_of_words(start: &str, text: &str) -> usize {
    let stops = || start.match_indices(". ").map(|(stop, _)| stop + 1);
    let marks = || [" - ", " – ", ": ", "; "].into_iter().flat_map(|mark| start.match_indices(mark)).map(|(at, _)| at);
    let end = stops().next().or_else(|| {
        // A title that nothing ends is not cut within a thought, where that can be helped.
        marks().max().or_else(|| start.rfind(' ')).filter(|_| start.len() < text.len())
    });
    let end = end.unwrap_or(start.len());
    if !Role::named_in(&start[..end]).is_empty() {
        return end;
    }
    let said = start.to_ascii_lowercase();
    let asks = ASKING.iter().filter_map(|phrase| said.find(phrase));
    let next = stops().chain(marks()).chain(asks).filter(|next| *next > end).min();
    let names = |next: &usize| {
        let more = &start[end..*next];
        more.split_whitespace().count() <= FEW_WORDS && !Role::named_in(more).is_empty()
    };
    next.filter(names).unwrap_or(end)
}

/// A head goes on for so many words at most, to come to a role.
const FEW_WORDS: usize = 9;

/// Where a head in parts set off by bars ends: after the first words of its last part, and no earlier than it names a
/// role, if that is soon. It goes on as long as the next bar is near; past a long part, as far as it takes to name whom
/// it asks for.
fn end_of_head(text: &str) -> Option<usize> {
    let head = first_letters(text, LONGEST_HEAD);
    let mut last = first_letters(head, LONGEST_TITLE).find('|')?;
    while let Some(next) = first_letters(&head[last + 1..], LONGEST_PART).find('|') {
        last += 1 + next;
    }
    // The bar is the first of the words.
    let after = |bar: usize, words| bar + words_after(&text[bar..], words);
    let near = (4..=7).map(|words| after(last, words)).find(|end| !Role::named_in(&text[..*end]).is_empty());
    let further = || {
        let bars = head[last + 1..].match_indices('|').map(|(bar, _)| last + 1 + bar);
        let ends = bars.flat_map(|bar| (4..=7).map(move |words| (bar, after(bar, words))));
        ends.into_iter().find(|(bar, end)| !Role::people_named_in(&text[*bar..*end]).is_empty()).map(|(_, end)| end)
    };
    Some(near.or_else(further).unwrap_or_else(|| after(last, 4)))
}

/// The beginning of a text, no longer than so many letters.
fn first_letters(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

/// How many bytes the first words take.
fn words_after(text: &str, words: usize) -> usize {
    text.split_inclusive(' ').take(words).map(str::len).sum()
}

/// The skills that are asked for, and the sentences that ask.
fn asked_skills(title: &str, description: &str, taxonomy: &Taxonomy) -> (Vec<AskedSkill>, String) {
    let mut asked: Vec<AskedSkill> = Vec::new();
    let mut work = String::new();
    let mut ask = |part: &str, need: Need| {
        let skills = skills_in(part, taxonomy);
        for skill in &skills {
            match asked.iter_mut().find(|asked| asked.skill == *skill) {
                Some(earlier) => earlier.need = earlier.need.max(need),
                None => asked.push(AskedSkill { skill: *skill, need }),
            }
        }
        !skills.is_empty()
    };
    for (part, need) in needs_in(without_company(title)) {
        ask(part, if need == Need::Nice { need } else { Need::Core });
    }
    for sentence in sentences(description).map(about_work).map(before_clients) {
        // Every part is looked at, also after one that asks for something.
        let asks = needs_in(sentence).into_iter().fold(false, |asks, (part, need)| ask(part, need) || asks);
        if asks || whom_it_asks_for(sentence).is_some_and(|whom| !Role::people_named_in(whom).is_empty()) {
            work.push_str(sentence);
            work.push('\n');
        }
    }
    let trade = main_trade(&asked, taxonomy);
    asked
        .retain(|asked| asked.need == Need::Core || trade.is_none_or(|trade| trade_of(asked.skill, taxonomy) == trade));
    (asked, work)
}

/// A title without its first part, when parts are set off by bars and a later one names the role:
/// "Watchman Monitoring | Ruby Engineer" is not about monitoring. A first part that names a person is the role; one that
/// names a line of work only is so unless a later one names somebody of another: "Outpost Games | Web developer".
fn without_company(title: &str) -> &str {
    match title.split_once('|') {
        Some((first, rest)) if Role::named_in(first).is_empty() && !Role::named_in(rest).is_empty() => rest,
        Some((first, rest)) if Role::people_named_in(first).is_empty() && names_a_line_of_work(rest) => rest,
        _ => title,
    }
}

fn names_a_line_of_work(text: &str) -> bool {
    Role::people_named_in(text).iter().any(|role| !role.is_general())
}

/// A description without the company's name, where the title sets it off: "Swift Education Systems" asks
/// for no Swift. A name of one word may be a skill's, and stays.
fn without_name<'a>(title: &str, description: &'a str) -> Cow<'a, str> {
    let rest = without_company(title);
    let name = title[..title.len() - rest.len()].trim_end_matches('|');
    let name = name.split(['(', '[', ',']).next().unwrap_or_default().trim();
    if name.split_whitespace().count() < 2 || !description.contains(name) {
        Cow::Borrowed(description)
    } else {
        Cow::Owned(description.replace(name, " "))
    }
}

/// What a sentence says of the work, before it comes to how to apply: the résumé and the profile that
/// are wanted then are not the work.
fn about_work(sentence: &str) -> &str {
    const INVITING: &[&str] = &[
        "to apply",
        "apply here",
        "apply:",
        "apply at",
        "apply now",
        "apply via",
        "email me",
        "email us",
        "e-mail us",
        "send me",
        "send us",
        "send your",
        "please send",
        "please email",
        "please contact",
        "please include",
        "contact me",
        "contact us",
        "reach out",
        "drop us",
    ];
    const APPLYING: &[&str] = &[
        "your resume",
        "your résumé",
        "resumes to",
        "résumés",
        "cover letter",
        "head hunters",
        "recruiters",
        "pay you in",
    ];
    let said = sentence.to_ascii_lowercase();
    let first = |phrases: &[&str]| phrases.iter().filter_map(|phrase| said.find(phrase)).min().unwrap_or(said.len());
    let end = first(INVITING);
    if first(APPLYING) < end { "" } else { &sentence[..end] }
}

/// A sentence up to where it begins to list for whom the work was or is: "our clients include Facebook" asks
/// for nothing of Facebook's.
fn before_clients(sentence: &str) -> &str {
    const WHO: &[&str] = &["client", "customer", "brand", "partner", "investor", "compan", "startup", "compet"];
    const LISTS: &[&str] = &["include", "includes", "including", "like", "such"];
    const BY: &[&str] = &["trusted by", "backed by", "funded by", "acquired by", "used by", "loved by"];
    let said = sentence.to_ascii_lowercase();
    // An app that is "backed by a PostgreSQL database" is no company backed by somebody.
    let a_thing = |at: usize, phrase: &str| said[at + phrase.len()..].starts_with(" a ");
    let by = BY.iter().filter_map(|phrase| said.find(phrase).filter(|at| !a_thing(*at, phrase))).min();
    let mut since_who = usize::MAX;
    let lists = said.split_inclusive(' ').scan(0, |at, word| {
        *at += word.len();
        Some((*at, word.trim_matches(|c: char| !c.is_alphanumeric())))
    });
    let listed = lists.into_iter().find_map(|(end, word)| {
        since_who = if WHO.iter().any(|who| word.starts_with(who)) { 0 } else { since_who.saturating_add(1) };
        ((1..=WORDS_BETWEEN).contains(&since_who) && LISTS.contains(&word)).then_some(end)
    });
    by.into_iter().chain(listed).min().map_or(sentence, |end| &sentence[..end])
}

/// Between those who are listed and the list stand so many words at most, the last of them "include" or the like.
const WORDS_BETWEEN: usize = 3;

/// The skills of a text. "React/Redux" is read as one name and as two, and so is "React+Redux".
fn skills_in(text: &str, taxonomy: &Taxonomy) -> Vec<SkillId> {
    let mut skills = Vec::new();
    let apart = without_plus(&text.replace('/', ", "));
    let both = [text, &apart].into_iter().take(if apart == text { 1 } else { 2 });
    for suggestion in both.flat_map(|text| taxonomy.extract(text)) {
        if suggestion.confidence_milli >= LEAST_CONFIDENCE
            && !is_too_general(taxonomy, suggestion.skill)
            && !skills.contains(&suggestion.skill)
        {
            skills.push(suggestion.skill);
        }
    }
    skills
}

/// A text with a comma for each plus between two words, as no name of a skill has one there.
fn without_plus(text: &str) -> String {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut said = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        let joins =
            letter == '+' && before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphabetic());
        said.push(if joins { ',' } else { letter });
        said.extend(joins.then_some(' '));
        before = letter;
    }
    said
}

/// Trades that work with the same tools.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trade {
    Building,
    Making,
    Telling,
    Running,
}

fn trade_of(skill: SkillId, taxonomy: &Taxonomy) -> Trade {
    trade_named(taxonomy.find(skill).map_or("", |skill| skill.category))
}

/// The trade of a category of skills or a family of roles.
fn trade_named(name: &str) -> Trade {
    match name {
        "software" | "infrastructure" | "data" | "operations" => Trade::Building,
        "design" | "media" => Trade::Making,
        "writing" | "marketing" => Trade::Telling,
        _ => Trade::Running,
    }
}

/// The trade of two thirds of the skills. A post about software mentions résumés, sales and blogs
/// in passing: it does not ask for them.
fn main_trade(asked: &[AskedSkill], taxonomy: &Taxonomy) -> Option<Trade> {
    let mut trades: Vec<Trade> = asked.iter().map(|asked| trade_of(asked.skill, taxonomy)).collect();
    trades.sort_unstable();
    trades.chunk_by(|one, other| one == other).find(|same| same.len() * 3 >= asked.len() * 2).map(|same| same[0])
}

/// A sentence in parts, each with how much it asks for what it names: "nice to have" speaks of what
/// follows it, "is a plus" of the clause before it.
fn needs_in(sentence: &str) -> Vec<(&str, Need)> {
    let said = sentence.to_ascii_lowercase();
    let asks = if MUST.iter().any(|phrase| said.contains(phrase)) { Need::Must } else { Need::Useful };
    let first = |phrases: &[&str]| phrases.iter().filter_map(|phrase| said.find(phrase)).min();
    if let Some(at) = first(NICE_AFTER) {
        let (before, after) = sentence.split_at(at);
        return vec![(before, asks), (after, Need::Nice)];
    }
    if let Some(at) = first(NICE_BEFORE) {
        let clause = said[..at].rfind([',', ';', '(', ':']).unwrap_or(0);
        let (before, rest) = sentence.split_at(clause);
        let (nice, after) = rest.split_at(at - clause);
        return vec![(before, asks), (nice, Need::Nice), (after, asks)];
    }
    vec![(sentence, asks)]
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', ';', '!', '?'])
        .flat_map(|line| line.split(". "))
        .filter(|sentence| !sentence.trim().is_empty())
}

const NICE_AFTER: &[&str] = &[
    "nice to have",
    "nice-to-have",
    "bonus",
    "ideally",
    "it's great if",
    "familiarity with",
    "preferably",
    "extra points",
];
const NICE_BEFORE: &[&str] = &[
    "a plus",
    "helpful",
    "not required",
    "preferred",
    "appreciated",
    "would be great",
    "benefit",
    "desirable",
    "an advantage",
    "if desired",
    "is great",
];
const MUST: &[&str] = &["must have", "must be", "must know", "required", "requirements:", "essential", "+ years of"];

fn asked_roles(title: &str, description: &str, skills: &[AskedSkill]) -> Vec<Role> {
    let mut roles = Role::named_in(before_audience(without_company(title)));
    if roles.iter().all(|role| role.is_general()) {
        let wanted = sentences(description).filter_map(whom_it_asks_for);
        for role in wanted.flat_map(Role::people_named_in) {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
    }
    let builds = |role: &&Role| trade_named(role.family()) == Trade::Building;
    let general =
        roles.iter().any(|role| role.is_general()) && roles.iter().filter(builds).all(|role| role.is_general());
    if general || roles.is_empty() {
        let signed = signed_roles(skills);
        // A text for developers, by someone who writes, names developers and asks for a writer; but an
        // engineer for a ledger is no accountant.
        let another = |role: &Role| !builds(&role);
        if !signed.is_empty() && signed.iter().all(another) && Role::named_in(before_audience(title)).is_empty() {
            roles.retain(|role| !role.is_general());
        }
        let more: Vec<Role> = signed.into_iter().filter(|role| !roles.contains(role)).collect();
        roles.extend(more);
    } else {
        // A line of work says more than the whole trade does.
        roles.retain(|role| !role.is_general());
        roles.extend(second_trade(&roles, skills));
    }
    // Founders speak of themselves and of whom they look for; and a founder who is to build it is a developer.
    let led = Role::named_in(title).iter().any(|role| role.founds());
    if roles.iter().any(|role| builds(&role) || (!led && !role.founds())) {
        roles.retain(|role| !role.founds());
    }
    roles.truncate(ROLES);
    roles
}

/// A title or headline without those whom the work is for: "API documentation for developers" asks for none, and
/// "Accountant for lawyers" is none. Not so where "for" follows a search or a place to be filled.
pub(super) fn before_audience(title: &str) -> &str {
    const FILLED: &[&str] = &[
        "looking",
        "searching",
        "search",
        "need",
        "needs",
        "needed",
        "seeking",
        "hiring",
        "wanted",
        "position",
        "positions",
        "opening",
        "openings",
        "opportunity",
        "opportunities",
        "job",
        "jobs",
        "role",
        "roles",
        "vacancy",
        "work",
        "gig",
        "gigs",
        "contract",
        "call",
        "time",
        "recruiting",
        "spot",
        "spots",
        "freelance",
        "remote",
    ];
    let lower = title.to_ascii_lowercase();
    let audience = lower.match_indices(" for ").map(|(at, _)| at).find(|at| {
        let before = lower[..*at].rsplit(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
        before.is_some_and(|word| !FILLED.contains(&word))
    });
    audience.map_or(title, |at| &title[..at])
}

/// The roles that the asked skills are a sign of, when they agree; and before them a role that
/// stands in for several of those there are signs of, as full-stack does for front and back end.
fn signed_roles(skills: &[AskedSkill]) -> Vec<Role> {
    let signed = Role::told_by(skills.iter().filter(|asked| asked.need != Need::Nice).map(|asked| asked.skill));
    let most = signed.first().map_or(0, |(_, signs)| *signs);
    let told: Vec<Role> = signed.iter().filter(|(_, signs)| *signs * 2 > most).map(|(role, _)| *role).collect();
    if told.len() > MOST_SIGNED {
        return Vec::new();
    }
    let several = Role::all().filter(|role| {
        let covered = signed.iter().filter(|(other, _)| role.stands_in_for(*other) >= STANDS_IN).count();
        covered >= 2 && !role.is_general() && signed.iter().all(|(other, _)| role != other)
    });
    several.chain(told.iter().copied()).collect()
}

/// A role of another trade that several of the asked skills are a sign of: a web developer who is to
/// design the pages too may be a designer who writes them.
fn second_trade(roles: &[Role], skills: &[AskedSkill]) -> Option<Role> {
    let asked = skills.iter().filter(|asked| asked.need != Need::Nice);
    let others: Vec<(Role, u32)> = Role::signed_by(asked.map(|asked| asked.skill))
        .into_iter()
        .filter(|(role, _)| roles.iter().all(|named| trade_named(named.family()) != trade_named(role.family())))
        .collect();
    let (best, _) = *others.first()?;
    let of_its_trade = others.iter().filter(|(role, _)| trade_named(role.family()) == trade_named(best.family()));
    (of_its_trade.map(|(_, signs)| signs).sum::<u32>() >= SECOND_TRADE).then_some(best)
}

/// So many signs make a second trade.
const SECOND_TRADE: u32 = 2;
/// Signs of more roles than this contradict each other.
const MOST_SIGNED: usize = 3;
/// A role stands in for another when it is worth this much there.
const STANDS_IN: Value = Value::milli(800);

/// After these words stands whom somebody asks for.
const ASKING: &[&str] = &[
    "looking for",
    "looking now for",
    "looking to hire",
    "looking to bring on",
    "searching for",
    "trying to find",
    "want to find",
    "seeking",
    "hiring",
    "we need",
    "in need of",
    "we want",
];

/// The part of a sentence that says whom it asks for: what follows "looking for", or all of one that asks in
/// another way. "We are three founders, and looking for a developer" asks for no founder.
fn whom_it_asks_for(sentence: &str) -> Option<&str> {
    const WITHIN: &[&str] = &[
        "needed",
        "wanted",
        "want",
        "role",
        "position",
        "join",
        "require",
        "opening",
        "contract",
        "you'll be",
        "you will be",
    ];
    let said = sentence.to_ascii_lowercase();
    let asked = ASKING.iter().filter_map(|phrase| said.find(phrase)).min();
    let asked = asked.or_else(|| WITHIN.iter().any(|phrase| said.contains(phrase)).then_some(0));
    asked.map(|at| &sentence[at..])
}

/// How experienced a person a text wants, if it says.
pub fn seniority(text: &str) -> Option<Seniority> {
    let said = text.to_lowercase();
    let words: Vec<&str> = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // "Data entry", "lead generation", "may lead to more" and "our staff" are no ranks.
    let means = |at: usize| {
        let next = words.get(at + 1).copied().unwrap_or_default();
        match words[at] {
            "entry" => matches!(next, "level" | "mid"),
            "lead" => !matches!(
                next,
                "to" | "into" | "gen" | "generation" | "generator" | "list" | "lists" | "magnet" | "nurturing"
            ),
            "staff" => matches!(next, "engineer" | "engineers" | "software" | "developer" | "scientist" | "designer"),
            _ => true,
        }
    };
    let says = |names: &[&str]| words.iter().enumerate().any(|(at, word)| names.contains(word) && means(at));
    // "6 or more overall years": the number stands up to three words before.
    let years = words
        .windows(5)
        .chain((2..=4).filter_map(|length| words.get(..length)))
        .filter(|near| matches!(near[near.len() - 1], "year" | "years" | "yrs"))
        .filter_map(|near| near.iter().rev().find_map(|word| word.parse::<u16>().ok()))
        .filter(|years| *years <= 20)
        .max();
    let senior = says(&["senior", "sr", "lead", "principal", "staff", "architect", "expert", "experienced", "veteran"]);
    let junior = says(&["junior", "jr", "entry", "intern", "internship"]);
    match (senior, junior, years) {
        (true, true, _) | (false, false, Some(3..=4)) => Some(Seniority::Mid),
        (true, false, _) | (false, false, Some(5..)) => Some(Seniority::Senior),
        (false, true, _) | (false, false, Some(0..=2)) => Some(Seniority::Junior),
        (false, false, None) => says(&["mid", "intermediate", "solid", "strong"]).then_some(Seniority::Mid),
    }
}

/// Months of experience, from words like "4 to 5 years", "Less than a year" or "20 or more years":
/// the middle of a range, or its one end.
pub fn experience_months(text: &str) -> Option<u16> {
    let said = text.to_lowercase();
    let numbers: Vec<u16> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    match numbers[..] {
        [] if said.contains("less than a year") => Some(6),
        [] => None,
        [years] => years.checked_mul(12),
        [least, most, ..] => least.checked_add(most)?.checked_mul(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reading {
        gig_text(text, Taxonomy::shipped())
    }

    fn needs(reading: &Reading) -> Vec<(&'static str, Need)> {
        let slug = |asked: &AskedSkill| Taxonomy::shipped().find(asked.skill).map_or("", |skill| skill.slug);
        reading.skills.iter().map(|asked| (slug(asked), asked.need)).collect()
    }

    #[test]
    fn a_post_says_what_it_is_about_and_what_would_be_nice() {
        let reading = read(
            "Acme | Senior Front End Engineer | Remote | Contract We build a shop. You must have React. \
             We use PostgreSQL. Docker is a plus.",
        );
        assert_eq!(needs(&reading), [("react", Need::Must), ("postgresql", Need::Useful), ("docker", Need::Nice)]);
        assert_eq!(reading.roles, ["front-end-developer".parse().unwrap()]);
        assert_eq!(reading.seniority, Some(Seniority::Senior));
        let years = read("Web shop\n5+ years of Python; JavaScript.");
        assert_eq!(needs(&years), [("python", Need::Must), ("javascript", Need::Useful)]);
    }

    #[test]
    fn a_role_that_is_not_named_is_told_by_its_skills() {
        let reading = read("Contract work. Five hours a week on our app. Swift and Objective-C.");
        assert_eq!(reading.roles.first(), Some(&"mobile-developer".parse().unwrap()));
        assert_eq!(read("We like tacos").roles, []);
        assert_eq!(
            gig("Rust engineer for a ledger", "Double entry on PostgreSQL, tested.", &[], Taxonomy::shipped())
                .roles
                .first(),
            Some(&"software-engineer".parse().unwrap())
        );
        let documentation = read("API documentation\nWe need clear guides for developers who call our service.");
        assert_eq!(documentation.roles, ["technical-writer".parse().unwrap()]);
        assert_eq!(needs(&documentation), [("technical-writing", Need::Core)]);
    }

    #[test]
    fn a_head_is_not_cut_within_the_name_of_a_role() {
        let head = "Acme | Remote | Contract | December Unity Plug-in / developer to help us ship. We make games.";
        assert_eq!(cut_title(head).0, "Acme | Remote | Contract | December Unity Plug-in / developer ");
        let named = "Acme | iOS developer | Remote | Come and help us ship it, with other engineers.";
        assert_eq!(cut_title(named).0, "Acme | iOS developer | Remote | Come and help ", "it is named before");
    }

    #[test]
    fn places_companies_letters_and_ways_to_apply_are_no_skills() {
        for (text, expected) in [
            ("Acme | Remote (Phoenix, AZ) | Front-end developer | We love React.", &["react"][..]),
            ("Watchman Monitoring | Ruby engineer | Remote", &["ruby"]),
            ("Engineers for H.P.C. and R&D with Python", &["python"]),
            ("Python developer\nPlease send your GitHub and LinkedIn to us. No recruiters.", &["python"]),
            ("Java developer\nWe start in the spring.", &["java"]),
        ] {
            let slugs: Vec<_> = needs(&read(text)).into_iter().map(|(slug, _)| slug).collect();
            assert_eq!(slugs, expected, "{text}");
        }
    }

    #[test]
    fn what_comes_before_the_way_to_apply_is_read() {
        for (text, expected) in [
            (
                "Ruby engineer\nStack: Rails, React, AWS Please send an email about your GitHub",
                &["ruby", "ruby-on-rails", "react", "aws"][..],
            ),
            ("Python developer\nYour resume should tell us about your LinkedIn.", &["python"]),
        ] {
            let mut slugs: Vec<_> = needs(&read(text)).into_iter().map(|(slug, _)| slug).collect();
            slugs.retain(|slug| *slug != "english");
            assert_eq!(slugs, expected, "{text}");
        }
    }

    #[test]
    fn a_company_named_like_a_skill_asks_for_none() {
        let text =
            "Swift Education Systems | Front-end developer | Remote\nJoin Swift Education Systems to write React.";
        assert_eq!(needs(&read(text)), [("react", Need::Useful)]);
    }

    #[test]
    fn whom_the_work_is_for_is_not_whom_it_asks_for() {
        let technical_writer = vec!["technical-writer".parse().unwrap()];
        assert_eq!(read("API documentation for developers\nTechnical writing.").roles, technical_writer);
        assert_eq!(read("Looking for a technical writer for developers\nNow.").roles, technical_writer);
        assert_eq!(before_audience("Contract work for a React developer"), "Contract work for a React developer");
    }

    #[test]
    fn listed_skills_tell_of_roles_that_no_word_names() {
        let skill = |slug| AskedSkill { skill: Taxonomy::shipped().find_slug(slug).unwrap().id, need: Need::Must };
        for (title, skills, role) in [
            ("End-to-end tests for a web product", &["playwright", "api-testing"][..], "quality-assurance-engineer"),
            ("Design system for an education product", &["figma", "design-systems"], "ui-designer"),
            ("Retrieval over contracts", &["retrieval-augmented-generation", "python"], "machine-learning-engineer"),
        ] {
            let listed: Vec<_> = skills.iter().map(|slug| skill(slug)).collect();
            let read = gig(title, "We have an evaluation set.", &listed, Taxonomy::shipped());
            assert!(read.roles.contains(&role.parse().unwrap()), "{title}: {:?}", read.roles);
        }
    }

    #[test]
    fn clients_and_customers_are_not_asked_for() {
        for text in [
            "Web developer\nOur client partnerships include FedEx, Twitter and Oracle. We use React.",
            "Web developer\nWe use React for customers like Twitter and Oracle.",
            "Web developer\nTrusted by Twitter and Oracle; React all day.",
        ] {
            let slugs: Vec<_> = needs(&read(text)).into_iter().map(|(slug, _)| slug).collect();
            assert_eq!(slugs, ["web-development", "react"], "{text}");
        }
    }

    #[test]
    fn a_title_ends_where_a_head_or_a_thought_ends() {
        let long = "a place that is far away and has a name that goes on and on";
        for (title, rest) in [
            (format!("Acme | {long} | {long} | {long} | Rust engineer wanted."), " We pay."),
            (
                format!("Acme, {long} - {long} - REMOTE -"),
                " We are a company that never comes to an end of any of its words",
            ),
            ("Rust engineer".to_owned(), "\nWe | pay"),
            ("We pay.".to_owned(), " You write Rust"),
        ] {
            let text = format!("{title}{rest}");
            assert!(title.starts_with(cut_title(&text).0.trim_end()), "{:?}", cut_title(&text));
            assert!(cut_title(&text).0.len() + 2 >= title.len(), "{:?}", cut_title(&text));
        }
    }

    #[test]
    fn those_who_ask_are_not_those_asked_for() {
        let reading =
            read("React help\nWe are three founders, and we are looking for a front-end developer to join us.");
        assert_eq!(reading.roles, ["front-end-developer".parse().unwrap()]);
        assert_eq!(read("ZOKRI | UK | React F/E Developer | Contract").roles, ["front-end-developer".parse().unwrap()]);
    }

    #[test]
    fn a_head_goes_on_to_the_role_that_it_is_about() {
        let roles = |text: &str| read(text).roles.into_iter().map(Role::slug).collect::<Vec<_>>();
        for (text, expected) in [
            (
                "REMOTE, PART TIME - frontend pages at Acme Tools Looking for a talented web developer of much taste to \
                 come up with pages for our applications, editing what is there and what is yet to come.",
                &["front-end-developer"][..],
            ),
            ("London, England. PYTHON WEB APP Developer. Contract, 1-2 months.", &["web-developer"]),
            ("Acme, part time. Web back-end & front-end. Later more.", &["back-end-developer", "front-end-developer"]),
            (
                "Acme | REMOTE, anywhere, but you must have the right to work in the US and pass whatever checks \
                 the law may ask of you | Senior Site Reliability Engineers | We keep what others run.",
                &["devops-engineer"],
            ),
            // A sentence about others goes on to no role.
            (
                "Acme ( [url] ) Atlanta, GA About Acme: We are creating tools that let architects, engineers, designers \
                 and owners tap into all that is known of what they build, with C# and Java. You will write both for us.",
                &["back-end-developer"],
            ),
        ] {
            assert_eq!(roles(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_company_is_called_and_who_founded_it_is_not_asked_for() {
        let roles = |text: &str| read(text).roles.into_iter().map(Role::slug).collect::<Vec<_>>();
        for (text, expected) in [
            ("Outpost Games | Web Developer | Remote\nWe play.", &["web-developer"][..]),
            ("Games | Remote | Looking for somebody", &["game-developer"]),
            ("Bonsai | Second Non-Founder Engineer (Front End) | Remote\nWe pay.", &["front-end-developer"]),
            (
                "React help\nWe need a front-end developer to help our team of two co-founders.",
                &["front-end-developer"],
            ),
            ("We sell tea\nWe need a copywriter, who works with our founder.", &["writer"]),
            ("Technical co-founder\nYou take half of it.", &["executive"]),
            ("Chief executive or project manager", &["executive", "project-manager"]),
        ] {
            assert_eq!(roles(text), expected, "{text}");
        }
        let hiring = read("React developer\nWe are Hiring now. See us on LinkedIn.");
        assert_eq!(needs(&hiring), [("react", Need::Core)]);
    }

    #[test]
    fn all_of_a_list_are_asked_for() {
        let roles = |text: &str| read(text).roles.into_iter().map(Role::slug).collect::<Vec<_>>();
        let several = "Acme Fun\nWe're trying to find good Rails, front-end, and mobile developers.";
        assert_eq!(roles(several), ["back-end-developer", "front-end-developer", "mobile-developer"]);
        let others = roles("Acme Fun\nWe're trying to find good developers, and are interested in designers.");
        assert_eq!(others, ["software-engineer", "ui-designer"]);
        let joined = read("Engineer (React+Postgres) for C++\nAn app backed by a MySQL database, running on AWS.");
        let slugs: Vec<_> = needs(&joined).into_iter().map(|(slug, _)| slug).collect();
        assert_eq!(slugs, ["cpp", "react", "postgresql", "mysql", "aws"]);
    }

    #[test]
    fn the_work_is_what_asks_for_skills_or_people() {
        let reading = read(
            "Acme | Engineer\nWe are a family of tea lovers. We need a data engineer. You know Kafka. Please send tea.",
        );
        assert_eq!(reading.work, "We need a data engineer\nYou know Kafka\n");
    }

    #[test]
    fn a_second_trade_is_told_by_several_skills() {
        let reading = read("Web developer\nYou build the pages, and come up with mockups and web design for them.");
        assert_eq!(reading.roles.first(), Some(&"web-developer".parse().unwrap()));
        assert!(reading.roles.iter().any(|role| role.family() == "design"), "{:?}", reading.roles);
        let back_end = read("Back-end developer\nDjango on AWS with Docker and Kubernetes.");
        assert_eq!(back_end.roles, ["back-end-developer".parse().unwrap()]);
    }

    #[test]
    fn experience_is_read_from_words_and_years() {
        for (text, expected) in [
            ("Jr and Sr engineers", Some(Seniority::Mid)),
            ("6 or more overall years", Some(Seniority::Senior)),
            ("at least 5 years of Python", Some(Seniority::Senior)),
            ("1+ years", Some(Seniority::Junior)),
            ("data entry, double entry", None),
            ("an entry-level role", Some(Seniority::Junior)),
            ("lead generation for our staff", None),
            ("a contract that may lead to more", None),
            ("lead developer", Some(Seniority::Senior)),
            ("an internship", Some(Seniority::Junior)),
            ("an app", None),
        ] {
            assert_eq!(seniority(text), expected, "{text}");
        }
        for (text, months) in [
            ("4 to 5 years", Some(54)),
            ("Less than a year", Some(6)),
            ("20 or more years", Some(240)),
            ("", None),
            ("99999", None),
        ] {
            assert_eq!(experience_months(text), months, "{text}");
        }
    }
}
