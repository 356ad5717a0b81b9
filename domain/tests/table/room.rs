//! Trying everything in a room, and printing what succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write};

use domain::access::{Actor, Denied, Role, Subject, Verb};
use domain::change::Change;
use domain::refusal::Refusal;

use crate::cast::everybody;
use crate::who;

pub type Outcome<T> = Result<Change<T>, Refusal>;

/// A verb with its input, carried out by an actor. What only the processor, the clock or another
/// room's verb can ask for acts on its own behalf, and says so by taking the actor all the same.
pub struct Command<T> {
    pub name: &'static str,
    pub verb: Verb,
    pub act: fn(T, &Actor) -> Outcome<T>,
}

pub const fn command<T>(name: &'static str, verb: Verb, act: fn(T, &Actor) -> Outcome<T>) -> Command<T> {
    Command { name, verb, act }
}

pub struct Room<T> {
    /// What refusals call it.
    pub name: &'static str,
    /// Each state, by a name of its own where one state comes in several kinds.
    pub states: Vec<(&'static str, T)>,
    pub commands: Vec<Command<T>>,
    pub subject: fn(&T) -> Subject,
    pub state: fn(&T) -> String,
    pub allowed: fn(&T, &Actor) -> Vec<Verb>,
    /// Verbs that the object says are allowed, and that are carried out in another room.
    pub elsewhere: &'static [Verb],
    /// Verbs that are no command on the object itself: an operator's, or the beginning of another object.
    pub apart: &'static [Verb],
}

impl<T: Clone + PartialEq + Debug> Room<T> {
    /// Try everything, and hold what succeeded against the printed matrix.
    pub fn check(&self, file: &str, states_there_are: usize) {
        let seen: BTreeSet<String> = self.states.iter().map(|(_, thing)| (self.state)(thing)).collect();
        assert_eq!(seen.len(), states_there_are, "every state is tried: {seen:?}");
        let cast = everybody();
        let size = (self.states.len(), self.commands.len(), cast.len());
        let mut text = format!(
            "# {}: {} states × {} commands × {} actors, {} tried. What succeeds, and where it leads; the rest is refused.\n\
             # Printed by a test; read its diff like code.\n",
            self.name,
            size.0,
            size.1,
            size.2,
            size.0 * size.1 * size.2
        );
        for (label, thing) in &self.states {
            writeln!(text, "\n{label}").unwrap();
            // Verbs that did something, and verbs that only a rule stood against, by actor.
            let mut did: BTreeMap<&str, BTreeSet<Verb>> = BTreeMap::new();
            for command in &self.commands {
                let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
                for (who, actor) in &cast {
                    let Some(led_to) = self.outcome(label, thing, command, who, actor) else { continue };
                    if led_to.can_be_done() {
                        did.entry(who).or_default().insert(command.verb);
                    }
                    let told = led_to.to_string();
                    match lines.iter_mut().find(|(said, _)| *said == told) {
                        Some((_, people)) => people.push(who),
                        None => lines.push((told, vec![who])),
                    }
                }
                for (told, people) in lines {
                    writeln!(text, "  {:<32}{told:<28}{}", command.name, people.join(" ")).unwrap();
                }
            }
            for (who, actor) in &cast {
                let listed: BTreeSet<Verb> = (self.allowed)(thing, actor).into_iter().collect();
                let listed: BTreeSet<Verb> = listed.into_iter().filter(|verb| !self.elsewhere.contains(verb)).collect();
                let done = did.remove(who).unwrap_or_default();
                let done: BTreeSet<Verb> = done.into_iter().filter(|verb| !self.apart.contains(verb)).collect();
                if *actor == Actor::System {
                    // What the clock and the processor do is theirs to know; what is listed is true.
                    assert!(listed.is_subset(&done), "{label}, {who}: {listed:?} is said to be allowed, not {done:?}");
                } else {
                    assert_eq!(listed, done, "{label}, {who}: what is said to be allowed is what can be done");
                }
            }
        }
        let path = format!("{}/tests/table/{file}.matrix", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_FILES").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let printed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            printed == text,
            "{file}.matrix is not what happens: run UPDATE_FILES=1 cargo test -p domain --test table, and read the diff"
        );
    }

    /// What came of a try; nothing where it was refused for who asked, or for the state.
    fn outcome(&self, label: &str, thing: &T, command: &Command<T>, who: &str, actor: &Actor) -> Option<Led> {
        let outcome = (command.act)(thing.clone(), actor);
        let case = format!("{label}, {} by {who}: {outcome:?}", command.name);
        let subject = (self.subject)(thing);
        let role = Role::of(actor, &subject);
        let may = who::may(who, command.verb);
        match outcome {
            Ok(change) if change.changed => {
                assert!(may, "the product does not let them: {case}");
                Some(Led::To((self.state)(&change.next)))
            }
            Ok(change) => {
                assert!(may, "the product does not let them: {case}");
                let nothing = change.entries.is_empty() && change.events.is_empty() && change.timers.is_empty();
                assert!(nothing && change.next == *thing, "a repeat changes nothing: {case}");
                None
            }
            Err(Refusal::Denied { reason }) => {
                let expected = match role {
                    Role::Nobody => Denied::SignIn,
                    Role::Suspended => Denied::Suspended,
                    // Some verbs ask for a person; the system is none.
                    Role::System if reason == Denied::SignIn => Denied::SignIn,
                    role if role.sees(&subject) => Denied::NotAllowed,
                    _ => Denied::Hidden,
                };
                assert_eq!(reason, expected, "{case}");
                None
            }
            Err(Refusal::WrongState { object, state, allowed }) => {
                assert!(may, "who may not do it learns nothing of the state: {case}");
                assert!(!who::is_the_systems(command.verb), "the clock is never refused: {case}");
                let named = (object.as_str(), state, allowed);
                assert_eq!(named, (self.name, (self.state)(thing), (self.allowed)(thing, actor)), "{case}");
                None
            }
            Err(other) => {
                assert!(may, "who may not do it learns nothing of the rules: {case}");
                assert!(!who::is_the_systems(command.verb), "the clock is never refused: {case}");
                let listed = (self.allowed)(thing, actor).contains(&command.verb);
                Some(Led::Rule { code: code(&other), listed })
            }
        }
    }
}

/// Where a command led.
enum Led {
    To(String),
    /// A rule stood against it, in a state that would allow it or not.
    Rule {
        code: String,
        listed: bool,
    },
}

impl Led {
    /// Does it count as something that can be done in this state?
    fn can_be_done(&self) -> bool {
        match self {
            Self::To(_) => true,
            Self::Rule { listed, .. } => *listed,
        }
    }
}

impl std::fmt::Display for Led {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::To(state) => write!(f, "→ {state}"),
            Self::Rule { code, .. } => write!(f, "✗ {code}"),
        }
    }
}

fn code(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Rule { code, .. } | Refusal::Limit { code, .. } => code.clone(),
        Refusal::Stale { .. } => "STALE".to_owned(),
        Refusal::Invalid { fields } => fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>().join(","),
        Refusal::Insufficient { .. } => "INSUFFICIENT".to_owned(),
        Refusal::Throttled { .. } => "THROTTLED".to_owned(),
        Refusal::Reauthenticate { .. } => "REAUTHENTICATE".to_owned(),
        Refusal::KeyReused => "KEY_REUSED".to_owned(),
        Refusal::Denied { .. } | Refusal::WrongState { .. } => panic!("looked at before"),
    }
}
