//! Other people's programs against ours: the audits, clients, compilers and linters of `tests/clients`, whose README says
//! what each does. They need node, and once the network; where there is neither, they say so and are passed over, unless
//! `RABTA_CLIENTS=required`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use tests::TestApp;

use crate::gig::open_gig;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// The folder with everything that is needed in it, or why not.
fn installed() -> Result<PathBuf, String> {
    let folder = PathBuf::from(FOLDER);
    let version = Command::new("node").arg("--version").output().map_err(|_| "there is no node".to_owned())?;
    let version = String::from_utf8_lossy(&version.stdout).trim().trim_start_matches('v').to_owned();
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    if major < 20 {
        return Err(format!("node is {version}, and 20 is needed"));
    }
    // What npm leaves behind when it is done; older than the list of what is wanted, it is of another day.
    let age = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let (done, wanted) = (folder.join("node_modules/.package-lock.json"), folder.join("package-lock.json"));
    if age(&done).is_none_or(|done| age(&wanted).is_some_and(|wanted| wanted > done)) {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000"]);
        let output = npm.current_dir(&folder).output().map_err(|_| "there is no npm".to_owned())?;
        if !output.status.success() {
            return Err(format!("npm could not fetch: {}", text(&output)));
        }
    }
    Ok(folder)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Run a script of the package, and what it must print at the end.
async fn run(script: &str, arguments: &[&str], people: &[(&str, &str)]) -> String {
    let mut npm = tokio::process::Command::new("npm");
    npm.args(["run", "--silent", script, "--"]).args(arguments).current_dir(FOLDER);
    let output = npm.envs(people.iter().copied()).output().await.expect("npm runs");
    let said = text(&output);
    assert!(output.status.success(), "npm run {script}: {said}");
    said
}

/// What comes of something while the worker is at work.
async fn at_work<T>(app: &TestApp, something: impl Future<Output = T>) -> T {
    let mut something = std::pin::pin!(something);
    loop {
        app.settles().await;
        if let Ok(done) = tokio::time::timeout(Duration::from_millis(20), &mut something).await {
            return done;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_for_graphql_finds_nothing_wrong_with_us() {
    let is_required = std::env::var_os("RABTA_CLIENTS").is_some_and(|wanted| wanted == "required");
    if let Err(why) = installed() {
        assert!(!is_required, "not tried: {why}");
        eprintln!("not tried: {why}");
        return;
    }
    // Of the schema alone.
    assert!(run("lint", &[], &[]).await.contains(" 0 findings"));
    run("relay", &[], &[]).await;
    run("example:build", &[], &[]).await;

    // Of a server, whose worker does what there is to do meanwhile.
    let app = TestApp::new().await;
    let wire = app.wire().await;
    let (origin, url) = (format!("http://{}", wire.address), format!("http://{}/graphql", wire.address));
    assert!(run("audit", &[&url], &[]).await.contains("61 of 61 audits hold"));
    assert!(run("examples", &[&origin], &[]).await.contains(" 0 faults"));
    at_work(&app, run("sockets", &[&url], &[])).await;
    // Where a release is checked one is fetched if there is none; otherwise what is there is used, or none.
    if is_required {
        run("chromium", &[], &[]).await;
    }
    let seen = run("browser", &[&origin], &[]).await;
    let is_skipped = seen.contains("skipped: ") && std::env::var_os("CHROMIUM").is_none() && !is_required;
    assert!(is_skipped || seen.contains(" 0 faults"), "{seen}");
    let said = run("strict", &[&origin], &[]).await;
    assert!(said.contains(" 0 faults"), "{said}");

    // The example, played by people who have some gigs before them, and something told already.
    let ada = app.client("ada").await;
    let (lin, faisal) = (app.freelancer("lin").await, app.freelancer("faisal").await);
    let mut gigs = Vec::new();
    for _ in 0..3 {
        gigs.push(open_gig(&ada, json!({})).await);
    }
    let bid = json!({ "gigId": gigs[2]["id"], "coverLetter": "I was here before everybody else",
        "answers": [{ "questionId": gigs[2]["questions"][0]["id"], "text": "Two" }],
        "milestones": [{ "title": "All of it", "amount": { "amount": "700.00" } }] });
    lin.does("proposalSubmit", bid.clone(), "proposal { id }").await.ok();
    faisal.does("proposalSubmit", bid, "proposal { id }").await.ok();
    app.settles().await;
    let people = [("FREELANCER", lin.email.as_str()), ("CLIENT", ada.email.as_str()), ("PASSWORD", tests::PASSWORD)];
    let said = at_work(&app, run("example", &[&url], &people)).await;
    assert!(said.contains("the client heard of it"), "{said}");
}
