//! Ranks profiles for gigs that are free text, and writes a run file: query, document, score.
//!
//!     cargo run -p domain --example rank_gigs -- GIGS.jsonl PROFILES.jsonl RUN.tsv [MODEL.json] [FACTORS.tsv]
//!
//! The same reading, model and scoring as the server's; nothing here knows which suite it is.

use std::fmt::Write as _;
use std::{env, fs, process};

use domain::id::{GigId, Id, OrganizationId, UserId};
use domain::matching::embedding::Table;
use domain::matching::features::{HeldSkill, Level, Text};
use domain::matching::role::Role;
use domain::matching::score::Ask;
use domain::matching::shipped::Holders;
use domain::matching::taxonomy::Taxonomy;
use domain::matching::{GigFeatures, Model, PersonFeatures, rank, reading, taxonomy};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
struct GigRow {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct ProfileRow {
    id: String,
    #[serde(default)]
    years: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    want: Vec<String>,
}

fn main() {
    if let Err(problem) = run(&env::args().skip(1).collect::<Vec<_>>()) {
        eprintln!("{problem}");
        process::exit(1);
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [gigs, profiles, out, more @ ..] = arguments else { return Err("GIGS PROFILES RUN [MODEL] [FACTORS]".into()) };
    let model = match more.first() {
        Some(path) => Model::parse(&fs::read_to_string(path)?)?,
        None => Model::shipped().clone(),
    };
    let taxonomy = Taxonomy::shipped();
    let profiles: Vec<ProfileRow> = rows(&fs::read_to_string(profiles)?)?;
    let people: Vec<PersonFeatures> =
        profiles.iter().zip(1..).map(|(row, number)| person(row, number, taxonomy)).collect();
    let mut knowledge = Holders::new(taxonomy, &model);
    for person in &people {
        knowledge.count(person.skills.iter().map(|held| held.skill));
    }
    let (mut lines, mut factors_told) = (String::new(), String::new());
    for (row, number) in rows::<GigRow>(&fs::read_to_string(gigs)?)?.iter().zip(1..) {
        let gig = gig(row, number, taxonomy);
        let ask = Ask::new(&gig, &model, &knowledge);
        writeln!(factors_told, "# {} {:?} {:?} {}", row.id, gig.roles, gig.seniority, asked(&gig, taxonomy))?;
        for (profile, person) in profiles.iter().zip(&people) {
            let factors = ask.factors(person, None, &model.people, &model);
            writeln!(lines, "{}\t{}\t{}", row.id, profile.id, rank::total(&factors))?;
            if more.len() > 1 {
                write!(factors_told, "{}\t{}", row.id, profile.id)?;
                for factor in factors {
                    write!(factors_told, "\t{:?}={}", factor.kind, factor.value)?;
                }
                writeln!(factors_told)?;
            }
        }
    }
    fs::write(out, lines)?;
    if let Some(path) = more.get(1) {
        fs::write(path, factors_told)?;
    }
    Ok(())
}

fn rows<T: for<'a> Deserialize<'a>>(text: &str) -> Result<Vec<T>, serde_json::Error> {
    text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

fn gig(row: &GigRow, number: u128, taxonomy: &Taxonomy) -> GigFeatures {
    let read = reading::gig_text(&row.text, taxonomy);
    let ids = (GigId::from_uuid(Uuid::from_u128(number)), OrganizationId::from_uuid(Uuid::from_u128(number)));
    GigFeatures {
        skills: read.skills,
        roles: read.roles,
        seniority: read.seniority,
        text: meaning(&row.text),
        ..GigFeatures::new(ids.0, ids.1)
    }
}

fn person(row: &ProfileRow, number: u128, taxonomy: &Taxonomy) -> PersonFeatures {
    // A skill that the taxonomy does not know is still one of those listed.
    let resolve =
        |name: &String| taxonomy.resolve(name).map_or_else(|| taxonomy::id_of(name), |resolved| resolved.skill);
    PersonFeatures {
        skills: row.skills.iter().map(resolve).map(|skill| HeldSkill { skill, level: Level::Claimed }).collect(),
        roles: row.roles.iter().flat_map(|role| Role::named_in(role)).collect(),
        experience_months: reading::experience_months(&row.years),
        text: meaning(&format!("{}. {}", row.roles.join(". "), row.skills.join(", "))),
        wants: row.want.iter().map(resolve).collect(),
        ..PersonFeatures::new(UserId::from_uuid(Uuid::from_u128(number)))
    }
}

fn meaning(text: &str) -> Text {
    Text(Table::shipped().embed(text).numbers().to_vec())
}

fn asked(gig: &GigFeatures, taxonomy: &Taxonomy) -> String {
    let told: Vec<_> = gig
        .skills
        .iter()
        .map(|asked| format!("{}:{:?}", taxonomy.find(asked.skill).map_or("?", |skill| skill.slug), asked.need))
        .collect();
    told.join(" ")
}
