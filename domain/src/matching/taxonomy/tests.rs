use std::collections::HashSet;

use super::*;

fn meant(text: &str) -> Option<(&'static str, u16)> {
    let taxonomy = Taxonomy::shipped();
    let resolved = taxonomy.resolve(text)?;
    Some((taxonomy.find(resolved.skill)?.slug, resolved.confidence_milli))
}

fn offered(text: &str) -> Vec<&'static str> {
    let taxonomy = Taxonomy::shipped();
    taxonomy.extract(text).into_iter().filter_map(|found| Some(taxonomy.find(found.skill)?.slug)).collect()
}

#[test]
fn every_skill_has_its_own_names_and_a_parent_that_exists() {
    let taxonomy = Taxonomy::shipped();
    assert!(taxonomy.skills().len() > 1000);
    let mut owner: HashMap<String, &str> = HashMap::new();
    for skill in taxonomy.skills() {
        assert!(skill.parent.is_none_or(|parent| taxonomy.find(parent).is_some()), "{}", skill.slug);
        assert!(taxonomy.ancestors(skill.id).count() < 6, "{} has no end of parents", skill.slug);
        for name in std::iter::once(&skill.name).chain(&skill.aliases) {
            let before = owner.insert(fold(name), skill.slug);
            assert!(before.is_none_or(|before| before == skill.slug), "{name} names {before:?} and {}", skill.slug);
            assert!(fold(name).split(' ').count() <= LONGEST_NAME, "{name} is too long to be found in a text");
        }
    }
    assert_eq!(taxonomy.skills().iter().map(|skill| skill.id).collect::<HashSet<_>>().len(), taxonomy.skills().len());
}

#[test]
fn ids_are_those_the_database_was_filled_with() {
    assert_eq!(id_of("javascript").uuid().to_string(), "3f50e6fa-e519-83a5-ac70-bb5141b205fb");
    let first = include_str!("../../../../migrations/sql/0002_skills.sql");
    let later = include_str!("../../../../migrations/sql/0063_more_skills.sql");
    let filled: HashSet<&str> =
        first.lines().chain(later.lines()).map(|line| line.trim_end_matches([',', ';'])).collect();
    for skill in Taxonomy::shipped().skills() {
        let parent = skill.parent.map_or("NULL".to_owned(), |parent| format!("'{}'", parent.uuid()));
        let (id, slug, name, category) = (skill.id.uuid(), skill.slug, skill.name.replace('\'', "''"), skill.category);
        let row = format!("('{id}', '{slug}', '{name}', '{category}', {parent})");
        assert!(filled.contains(row.as_str()), "{row}");
        for name in std::iter::once(&skill.name).chain(&skill.aliases) {
            let row = format!("('{}', '{}')", fold(name), skill.id.uuid());
            assert!(filled.contains(row.as_str()), "{row}");
        }
    }
}

#[test]
fn free_text_finds_the_skill_and_says_how_sure_it_is() {
    for (text, slug, least) in [
        ("React", "react", 1000),
        ("k8s", "kubernetes", 1000),
        ("react js", "react", 1000),
        ("Next", "next-js", 1000),
        ("NODE  JS", "node-js", 1000),
        ("c sharp", "csharp", 1000),
        (".net core", "dotnet", 1000),
        ("Word Press", "wordpress", 1000),
        ("type-script", "typescript", 1000),
        ("post gre sql", "postgresql", 970),
        ("design of logos", "logo-design", 900),
        ("entry data", "data-entry", 930),
        ("Terraform engineer", "terraform", 900),
        ("kuberntes", "kubernetes", 770),
        ("photoshpo", "adobe-photoshop", 680),
        ("grpahic desing", "graphic-design", 680),
        ("Mac OS", "macos", 1000),
        ("CoffeeScript", "coffeescript", 1000),
        ("Senior Django person", "django", 600),
    ] {
        let (found, confidence) = meant(text).unwrap_or_else(|| panic!("{text} found nothing"));
        assert_eq!(found, slug, "{text}");
        assert!(confidence >= least && (least == 1000 || confidence < 1000), "{text}: {confidence}");
    }
}

#[test]
fn what_names_no_skill_resolves_to_none() {
    for text in ["", "  ", "!!", "xqzt", "hello there", "اردو", &"react ".repeat(60)] {
        assert_eq!(meant(text), None, "{text}");
    }
}

#[test]
fn near_names_of_other_skills_are_not_taken_for_slips() {
    assert_eq!(meant("java").map(|found| found.0), Some("java"));
    assert_eq!(meant("javascript").map(|found| found.0), Some("javascript"));
    assert_eq!(meant("angular").map(|found| found.0), Some("angular"));
    assert_eq!(meant("c").map(|found| found.0), Some("c"));
    assert_eq!(meant("cat"), None, "three letters are too few to guess at");
}

#[test]
fn a_gig_offers_the_skills_it_speaks_of() {
    let gig = "We are a startup and need a Senior React developer (TypeScript, Next.js) to build dashboards. \
               You know Node.js, REST APIs and AWS. Go is a plus; no WordPress please. Excellent communication.";
    let found = offered(gig);
    for slug in ["react", "typescript", "next-js", "node-js", "rest-apis", "aws"] {
        assert!(found.contains(&slug), "{slug} is missing from {found:?}");
    }
    for slug in ["wordpress", "microsoft-excel", "go", "next", "communications"] {
        assert!(!found.contains(&slug), "{slug} should not be in {found:?}");
    }
}

#[test]
fn names_are_read_when_their_words_are_written_together() {
    assert_eq!(offered("with EmberJS, BackboneJS and d3js"), ["ember-js", "backbone-js", "d3-js"]);
    assert_eq!(offered("we set up the workflow together"), [""; 0]);
}

#[test]
fn everyday_words_count_only_when_written_as_names() {
    assert!(!offered("You will go and make swift progress, express ideas and excel.").iter().any(|_| true));
    assert!(offered("a service in Go and Rust, with a Swift client").contains(&"go"));
}

#[test]
fn what_means_something_else_in_running_text_is_read_where_skills_are_listed() {
    let text =
        "Rendering of templates on the server, virtualization of servers, messaging; sign in with Facebook or Amazon.";
    assert_eq!(offered(text), [""; 0]);
    assert_eq!(meant("virtualization"), Some(("vmware", 690)));
    assert_eq!(meant("Facebook"), Some(("facebook-ads", 690)));
    assert_eq!(offered("3D rendering, Facebook ads"), ["3d-rendering", "facebook-ads"]);
}

#[test]
fn a_slip_in_a_long_name_is_read_over_and_another_word_is_none() {
    assert_eq!(
        offered("We run PostgresSQL on Kubernates, with Anuglar and javascipt"),
        ["postgresql", "kubernetes", "angular", "javascript"]
    );
    assert_eq!(offered("Postgress"), ["postgresql"]);
    assert_eq!(offered("a treasure of texting, a fireball of joy"), [""; 0]);
}

#[test]
fn other_trades_are_read_as_well() {
    let found =
        offered("Need a virtual assistant for data entry, cold calling and Amazon PPC; Canva and QuickBooks helpful.");
    assert_eq!(found, ["administrative-support", "data-entry", "cold-calling", "amazon-ppc", "canva", "quickbooks"]);
}

#[test]
fn typing_completes_names_nearest_first() {
    let taxonomy = Taxonomy::shipped();
    let names: Vec<&str> = taxonomy.search("reac", 3).iter().map(|skill| skill.name).collect();
    assert_eq!(names[0], "React");
    assert_eq!(names.len(), 3);
    assert!(taxonomy.search("", 5).is_empty());
    assert!(taxonomy.search("zzzz", 5).is_empty());
}

#[test]
fn parts_and_kinds_know_their_place() {
    let taxonomy = Taxonomy::shipped();
    let (react, next, vue) = (id_of("react"), id_of("next-js"), id_of("vue-js"));
    assert!(taxonomy.is_parent_and_child(react, next));
    assert!(taxonomy.are_siblings(react, vue) && !taxonomy.are_siblings(react, react));
    assert!(taxonomy.children(react).contains(&next));
    assert_eq!(
        taxonomy.ancestors(next).map(|skill| skill.slug).collect::<Vec<_>>(),
        ["react", "javascript", "programming-languages"]
    );
}

#[test]
fn a_word_longer_than_any_name_is_not_tried_letter_by_letter() {
    let names = Taxonomy::shipped().spelled.iter().map(|(_, name, _)| name);
    let longest = names.filter(|name| !name.contains(' ')).map(String::len).max().unwrap();
    assert!(longest < LONGEST_WORD, "a slip in {longest} letters is still found");
    assert!(is_long_word(&"a".repeat(LONGEST_WORD)) && !is_long_word(&"a".repeat(LONGEST_WORD + 1)));
}
