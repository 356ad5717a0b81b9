//! Who sees what: every field of every object, asked by every kind of viewer, on a marketplace where
//! everything has happened. What comes back is printed to `seen.matrix` and reviewed like code. The
//! fields are read from the schema, so one that is added tomorrow is asked tomorrow.

mod asked;
mod empty;
mod full;
mod look;
mod states;
mod ways;
mod work;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{Person, TestApp, Visitor};

use full::Story;
pub use full::copies;

const PRINTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/seen.matrix");

const QUERY: &str = "{ __schema { types { kind name interfaces { name }
    enumValues { name } fields { name args { name defaultValue type { ...T } } type { ...T } } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The output types of the schema.
pub struct Types(BTreeMap<String, Value>);

/// A field to look at, by the names on the way to it.
pub type Path = Vec<String>;

impl Types {
    pub async fn read() -> Self {
        let answer = api::schema::bare().execute(QUERY).await;
        assert!(answer.errors.is_empty(), "{:?}", answer.errors);
        let data = answer.data.into_json().unwrap();
        let types = data["__schema"]["types"].as_array().cloned().unwrap_or_default();
        Self(types.into_iter().map(|ty| (text(&ty["name"]), ty)).collect())
    }

    pub fn fields(&self, ty: &str) -> Vec<Value> {
        self.0.get(ty).and_then(|ty| ty["fields"].as_array()).cloned().unwrap_or_default()
    }

    /// The values of an enum.
    pub fn values(&self, ty: &str) -> Vec<String> {
        let values = self.0.get(ty).and_then(|ty| ty["enumValues"].as_array()).cloned().unwrap_or_default();
        values.iter().map(|value| text(&value["name"])).collect()
    }

    pub fn is_node(&self, ty: &str) -> bool {
        let interfaces = self.0.get(ty).and_then(|ty| ty["interfaces"].as_array()).cloned().unwrap_or_default();
        interfaces.iter().any(|interface| interface["name"] == "Node")
    }

    /// Is there nothing to select in it?
    pub fn is_leaf(&self, ty: &str) -> bool {
        let kind = self.0.get(ty).map(|ty| text(&ty["kind"])).unwrap_or_default();
        kind == "SCALAR" || kind == "ENUM"
    }

    /// The kinds of objects that have an id.
    pub fn nodes(&self) -> Vec<&String> {
        self.0.keys().filter(|ty| self.is_node(ty)).collect()
    }

    /// A selection of all that is in an object, and the paths of it. What has an id of its own, or is a
    /// list of such, is only seen to be there: it is looked at by itself.
    pub fn selection(&self, ty: &str, depth: usize) -> (String, Vec<Path>) {
        let (mut selection, mut paths) = (Vec::new(), Vec::new());
        for field in self.fields(ty) {
            if needs_arguments(&field) {
                continue;
            }
            let (name, of) = (text(&field["name"]), named(&field["type"]));
            let kind = self.0.get(&of).map(|ty| text(&ty["kind"])).unwrap_or_default();
            let has = |wanted: &str| self.fields(&of).iter().any(|field| field["name"] == wanted);
            let (inner, below) = match kind.as_str() {
                "SCALAR" | "ENUM" => (String::new(), vec![vec![]]),
                "OBJECT" if has("edges") => {
                    let length = if has("totalCount") { "totalCount" } else { "" };
                    (format!("{{ {length} edges {{ node {{ __typename }} }} }}"), vec![vec!["edges".to_owned()]])
                }
                "OBJECT" if !self.is_node(&of) && depth < 3 => {
                    let (inner, below) = self.selection(&of, depth + 1);
                    (format!("{{ {inner} }}"), below)
                }
                _ => ("{ __typename }".to_owned(), vec![vec![]]),
            };
            selection.push(format!("{name} {inner}"));
            paths.extend(below.into_iter().map(|below| std::iter::once(name.clone()).chain(below).collect()));
        }
        (selection.join(" "), paths)
    }
}

pub fn needs_arguments(field: &Value) -> bool {
    let arguments = field["args"].as_array().cloned().unwrap_or_default();
    arguments.iter().any(|argument| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null())
}

pub fn named(ty: &Value) -> String {
    if ty["ofType"].is_null() { text(&ty["name"]) } else { named(&ty["ofType"]) }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Is something at this path? Of lists, the first item is looked at.
fn is_there(value: &Value, path: &[String]) -> bool {
    match (value, path) {
        (Value::Null, _) => false,
        (Value::Array(items), _) => items.iter().any(|item| is_there(item, path)),
        (_, []) => true,
        (value, [first, rest @ ..]) => is_there(&value[first.as_str()], rest),
    }
}

/// A list that says that it has others than those that are shown, of those that fit on a page.
pub fn miscounted(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => items.iter().find_map(miscounted),
        Value::Object(fields) => {
            let shown = fields.get("edges").and_then(Value::as_array).map(Vec::len);
            let said = fields.get("totalCount").and_then(Value::as_u64);
            match (shown, said) {
                (Some(shown), Some(said)) if shown < 20 && said != shown as u64 => Some(value.to_string()),
                _ => fields.values().find_map(miscounted),
            }
        }
        _ => None,
    }
}

/// A kind of viewer, and somebody of it.
type Viewers<'a> = Vec<(&'static str, Visitor<'a>)>;

const ROLES: [(&str, &str); 5] = [
    ("admin", "ADMIN"),
    ("finance", "FINANCE"),
    ("recruiter", "RECRUITER"),
    ("hiring_manager", "HIRING_MANAGER"),
    ("viewer", "VIEWER"),
];

/// The code of the newest invitation to an address.
pub async fn invitation_code(app: &TestApp, email: &str) -> String {
    app.settles().await;
    let letters = app.market.mail().letters_to(email);
    let mut codes = letters.iter().flat_map(|letter| letter.text.lines()).filter(|line| line.starts_with("min_"));
    codes.next_back().expect("a code came").to_owned()
}

/// Somebody of each role in an organization, but its owner.
pub async fn members<'a>(app: &'a TestApp, owner: &Visitor<'_>, organization: &str) -> Vec<(&'static str, Person<'a>)> {
    let mut people = Vec::new();
    for (name, role) in ROLES {
        let person = app.person(name).await;
        let input = json!({ "organizationId": organization, "email": person.email, "role": role });
        owner.does("memberInvite", input, "invitation { id }").await.ok();
        let code = invitation_code(app, &person.email).await;
        person.does("memberInvitationAccept", json!({ "token": code }), "organization { id }").await.ok();
        people.push((name, person));
    }
    people
}

/// One of somebody's notifications that is about a milestone and its contract: several are told in the same
/// instant, so the newest is now this one, now that.
async fn about_a_milestone(who: &Visitor<'_>) -> String {
    let told =
        who.asks("{ viewer { notifications(first: 100) { nodes { id contractId milestoneId } } } }", json!({})).await;
    let told = told.data()["viewer"]["notifications"]["nodes"].as_array().cloned().unwrap_or_default();
    let about = told.iter().find(|it| it["contractId"].is_string() && it["milestoneId"].is_string());
    text(&about.expect("a milestone was funded")["id"])
}

#[tokio::test]
async fn every_field_is_seen_by_whom_the_printed_table_says_and_by_nobody_else() {
    let app = TestApp::new().await;
    let world = app.world().await;
    let mut ids = world.ids().clone();
    let organization = ids["organization"].clone();
    let (owner, freelancer) = (world.client(), world.freelancer());

    let people = members(&app, &owner, &organization).await;
    let stranger = app.client("stranger").await;
    let (mediator, staff) = (app.mediator("marta").await, app.admin("noor").await);
    let rival = app.freelancer("rival").await;

    // What the journey does not leave by itself.
    let invite = json!({ "organizationId": organization, "email": "new@example.com", "role": "VIEWER" });
    let waiting = owner.does("memberInvite", invite, "invitation { id }").await.text("invitation.id");
    ids.insert("memberInvitation".to_owned(), waiting);
    let one = async |who: &Visitor<'_>, query: &str| -> String {
        let reply = who.asks(query, json!({})).await;
        let mut value = reply.data().clone();
        while !value.is_string() {
            value = match value {
                Value::Object(fields) => fields.into_iter().next().map(|(_, value)| value).unwrap_or_default(),
                Value::Array(items) => items.into_iter().next().unwrap_or_default(),
                other => panic!("{query}: {other} in {:#}", reply.body),
            };
        }
        text(&value)
    };
    let in_organization = format!(
        "{{ node(id: \"{organization}\") {{ ... on Organization {{ members(last: 1) {{ nodes {{ id }} }} }} }} }}"
    );
    let contract = &ids["contract"];
    let found = [
        ("session", one(&owner, "{ viewer { sessions(first: 1) { nodes { id } } } }").await),
        ("notification", about_a_milestone(&freelancer).await),
        ("member", one(&owner, &in_organization).await),
        ("auditEntry", one(&staff.visitor().await, "{ auditLog(first: 1) { nodes { id } } }").await),
        (
            "submission",
            one(
                &freelancer,
                &format!(
                    "{{ milestone(id: \"{}\") {{ submissions(first: 1) {{ nodes {{ id }} }} }} }}",
                    ids["milestone"]
                ),
            )
            .await,
        ),
        (
            "contractEvent",
            one(
                &freelancer,
                &format!("{{ contract(id: \"{contract}\") {{ events(first: 1) {{ nodes {{ id }} }} }} }}"),
            )
            .await,
        ),
    ];
    ids.extend(found.map(|(name, id)| (name.to_owned(), id)));
    let search = json!({ "name": "Rust", "text": "rust" });
    let search = freelancer.does("savedSearchCreate", search, "savedSearch { id }").await.text("savedSearch.id");
    ids.insert("savedSearch".to_owned(), search);
    let (device, passkey) = super::passkey::adds(&owner, "Phone").await;
    super::passkey::signs_in(&app, &device, &tests::authenticator::Manner::default()).await.ok();
    ids.insert("passkey".to_owned(), passkey);
    let item = json!({ "title": "A shop" });
    let shown = freelancer.does("portfolioItemAdd", item, "profile { portfolio { id } }").await;
    ids.insert("portfolioItem".to_owned(), shown.text("profile.portfolio.0.id"));
    let declare = json!({
        "zones": ["Asia/Karachi"], "from": app.market.clock().now().to_rfc3339(),
        "until": (app.market.clock().now() + chrono::TimeDelta::hours(5)).to_rfc3339(), "note": "A storm"
    });
    let outage = staff.does("outageDeclare", declare, "outage { id }").await.text("outage.id");
    ids.insert("outage".to_owned(), outage);
    let correct =
        json!({ "from": "losses", "to": "fee_revenue", "amount": { "amount": "1.00" }, "reason": "Rounding" });
    let correction = staff.does("correctionPropose", correct, "correction { id }").await.text("correction.id");
    ids.insert("correction".to_owned(), correction);
    ids.insert("paymentRefund".to_owned(), world.money_goes_back().await);
    app.market.reconcile_when_due().await.unwrap();
    let batch = "insert into wire_batches select gen_random_uuid(), now(), id, now()::date, 1, 100 from users limit 1";
    sqlx::query(batch).execute(app.pool()).await.unwrap();
    let hit = "insert into screening_hits (id, organization_id, name, words, listed, found_at, status, state, cleared_by, version)
        select gen_random_uuid(), o.id, o.name, 'a', o.name, now(), 'cleared', jsonb_build_object('status', 'cleared',
            'at', '2026-06-01T00:00:00Z', 'by', public_id('usr', u.id), 'reason', 'Nothing in it'), u.id, 2
        from (select * from organizations limit 1) o, (select id from users limit 1) u";
    sqlx::query(hit).execute(app.pool()).await.unwrap();
    let ours = "{ reconciliations(first: 1) { nodes { id } } wireBatches(first: 1) { nodes { id } }
        screeningHits(first: 1) { nodes { id } } }";
    let ours = staff.asks(ours, json!({})).await;
    for list in ["reconciliations", "wireBatches", "screeningHits"] {
        let id = ours.data()[list]["nodes"][0]["id"].as_str().unwrap();
        ids.insert(list.to_owned(), id.to_owned());
    }

    ids.insert("freelancerUser".to_owned(), world.journey.freelancer.user.clone());
    let mut story = Story {
        app: &app,
        owner: owner.clone(),
        freelancer: freelancer.clone(),
        staff: &staff,
        mediator: &mediator,
        rival: &rival,
        stranger: &stranger,
        ids,
    };
    story.fills(&world).await;
    let states = story.states(&world).await;
    let ids = story.ids.clone();
    // Somebody else bid on the same gig. It is filled by now, so that it takes no more bids by itself.
    let bid = "insert into proposals select gen_random_uuid(), gig_id, client_id,
            (select id from users where email = $1), terms, status, state, revision, submitted_at, viewed_at, version,
            created_at, updated_at from proposals limit 1";
    assert_eq!(sqlx::query(bid).bind(&rival.email).execute(app.pool()).await.unwrap().rows_affected(), 1);
    app.settles().await;

    let mut viewers: Viewers = vec![("nobody", app.visitor()), ("stranger", stranger.visitor().await)];
    viewers.push(("rival", rival.visitor().await));
    viewers.extend([("freelancer", freelancer.clone()), ("owner", owner.clone())]);
    for (name, person) in &people {
        viewers.push((name, person.visitor().await));
    }
    viewers.extend([("mediator", mediator.visitor().await), ("staff_admin", staff.visitor().await)]);

    let types = Types::read().await;
    let kinds = kinds(&viewers, &ids).await;
    let mut seen = look::look(&types, &viewers, &kinds, &states).await;
    let (mut table, mut cases) = (std::mem::take(&mut seen.table), seen.cases);
    let wire = app.wire().await;
    for (lines, tried) in [
        asked::asked(&types, &viewers, &ids).await,
        asked::asked_of_things(&types, &viewers, &ids).await,
        asked::followed(&types, &viewers, &ids, &wire, &owner).await,
    ] {
        table.extend(lines.lines().map(|line| format!("{}\n", line.trim_end())));
        cases += tried;
    }
    let (lines, tried) = ways::more_is_shown(&types, &viewers, &kinds).await;
    (table, cases) = (table + &lines + &empty::table(&seen.shown), cases + tried);
    cases += states::are_not_there(&types, &viewers, &kinds, &states).await;
    let table = format!("{}{table}", head(cases));
    if std::env::var_os("UPDATE_FILES").is_some() {
        std::fs::write(PRINTED, &table).unwrap();
    }
    let printed = std::fs::read_to_string(PRINTED).unwrap_or_default();
    assert_eq!(
        printed, table,
        "run UPDATE_FILES=1 cargo test -p tests --test it seen, and read the diff ({cases} cases)"
    );
    assert!(cases > 5_000, "only {cases} cases");

    let (things, kinds) = work::is_the_same(&viewers, &kinds, &states).await;
    assert!(things > 200 && kinds > 25, "{things} things of {kinds} kinds");
    let fields = work::of_fields_is_the_same(&types, &viewers, &ids).await;
    let papers = work::of_papers_is_the_same(&viewers, &ids).await;
    assert!(fields > 25 && papers > 15, "{fields} fields and {papers} papers");
    assert_eq!(work::of_what_is_followed_is_the_same(&viewers, &ids, &wire).await, 6);

    // Whoever is suspended is nobody, and told so.
    let hidden = json!({ "userId": stranger.id, "reason": "To see what they see" });
    let token = stranger.visitor().await;
    staff.does("userSuspend", hidden, "user { id }").await.ok();
    assert!(asked::suspended(&types, &token, &ids).await > 50);
}

/// What the printed table begins with.
fn head(cases: usize) -> String {
    format!(
        "# Who sees what: for each field, the viewers who are shown something in it, on a marketplace where everything has\n\
         # happened, in {cases} cases: a viewer, a thing or a way to it, and a field. Printed by a test; read its diff like code.\n\
         # Of several things of a kind, what any of them shows is told; those in a state of their own stand by themselves, and\n\
         # there, too, what is left out was empty. Other fields that nobody is shown anything in stand at the end, with why.\n"
    )
}

/// The things of each kind, by their ids.
pub type Kinds = BTreeMap<String, Vec<String>>;

/// What kinds of things these are, as somebody sees them.
async fn kinds(viewers: &Viewers<'_>, ids: &BTreeMap<String, String>) -> Kinds {
    let mut kinds = Kinds::new();
    for id in ids.values() {
        for (_, who) in viewers.iter().rev() {
            let reply = who.asks("query($id: ID!) { node(id: $id) { __typename } }", json!({ "id": id })).await;
            if let Some(ty) = reply.data()["node"]["__typename"].as_str() {
                let known = kinds.entry(ty.to_owned()).or_default();
                if !known.contains(id) {
                    known.push(id.clone());
                }
                break;
            }
        }
    }
    kinds
}
