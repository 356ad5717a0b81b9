//! Conversations: what a client and a freelancer write to each other. There is one for the two of them, whatever they
//! have together, and it begins with a message. Nobody writes to strangers: a client begins with whom it has dealings
//! with, a freelancer only where the client came to them. What was said stays as it was said.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::event::{Event, OfMessage};
use crate::id::{ConversationId, MessageId, OrganizationId, UserId};
use crate::milestone::Side;
use crate::refusal::{Invalid, Refusal};
use crate::timer::Timer;

/// The longest message, in characters.
pub const BODY_MAX: usize = 5_000;
/// So long after they were told of a message somebody who has not looked gets a letter: who is there gets none.
const LETTER_AFTER: TimeDelta = TimeDelta::minutes(10);
/// So often it is looked again for a letter that was withheld, because no message got to the other side by then.
const WITHHELD_AGAIN: TimeDelta = TimeDelta::days(1);
/// And for so long: what is older than that is no news. A letter follows the next message then.
pub const WITHHELD_FOR: TimeDelta = TimeDelta::days(14);
/// How far unread messages of a conversation, and conversations with any, are counted.
pub const COUNTED: u32 = 100;

/// What a client and a freelancer write to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The client.
    pub client: OrganizationId,
    /// The freelancer.
    pub freelancer: UserId,
    /// The number of its last message: messages count up from 1, without gaps.
    pub last_number: i32,
    /// When the last one was sent.
    pub last_at: Timestamp,
    /// When it began.
    pub opened_at: Timestamp,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// With which client.
    pub client: OrganizationId,
    /// With which freelancer.
    pub freelancer: UserId,
    /// Its place in the conversation, from 1.
    pub number: i32,
    /// Who wrote it.
    pub sender: UserId,
    /// For which side.
    pub side: Side,
    /// What it says.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// What a client and a freelancer have together, as far as it lets one of them begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dealings {
    /// The freelancer sent a proposal for a gig of the client's: the client may begin.
    pub proposed: bool,
    /// The client invited the freelancer or made an offer, or they have a contract: either may begin.
    pub approached: bool,
}

impl Dealings {
    /// May this side begin?
    fn let_begin(self, side: Side) -> bool {
        match side {
            Side::Client => self.proposed || self.approached,
            Side::Freelancer => self.approached,
        }
    }
}

/// What has to be known to send a message.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// With which client.
    pub client: OrganizationId,
    /// With which freelancer.
    pub freelancer: UserId,
    /// What they have written so far, if they have.
    pub stands: Option<&'a Conversation>,
    /// What they have together.
    pub dealings: Dealings,
    /// Does a message get there? Not where a block stands between them, whoever set it, not to or from a freelancer who
    /// is suspended or gone, and not to a client all of whose members are.
    pub is_reachable: bool,
}

impl Writing<'_> {
    /// Send a message, the first of a conversation if there is none: it is then called `opens`.
    ///
    /// # Errors
    /// `NO_DEALINGS` when nothing lets this side begin, be the other there or not; `NOT_REACHABLE` when no message gets
    /// there; and what is wrong with the text.
    pub fn send(
        self,
        actor: &Actor,
        body: &str,
        opens: ConversationId,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Change<(Conversation, Message)>, Refusal> {
        let (client, freelancer) = (self.client, self.freelancer);
        let role = access::check(actor, Verb::MessageSend, &Subject::between(client, freelancer))?;
        let sender = actor.person()?.user;
        let side = Side::of(role).ok_or(Refusal::HIDDEN)?;
        if self.stands.is_none() && !self.dealings.let_begin(side) {
            let message = match side {
                Side::Client => {
                    "you can begin to write to whom you invited, or who proposed to you, has an offer or worked"
                }
                Side::Freelancer => {
                    "you can begin to write to clients who invited you, made you an offer or hired you; \
                                     others write first"
                }
            };
            return Err(Refusal::rule("NO_DEALINGS", message));
        }
        if !self.is_reachable {
            return Err(Refusal::rule("NOT_REACHABLE", "no message gets there now; what was said can be read"));
        }
        let mut invalid = Invalid::default();
        let body = invalid.text("body", body, 1..=BODY_MAX);
        invalid.finish()?;

        let begun = Conversation { id: opens, client, freelancer, last_number: 0, last_at: now, opened_at: now };
        let so_far = self.stands.cloned().unwrap_or(begun);
        let number = so_far.last_number.saturating_add(1);
        let conversation = Conversation { last_number: number, last_at: now.max(so_far.last_at), ..so_far };
        let told = OfMessage { message: id, conversation: conversation.id, client, freelancer, by: side };
        let message =
            Message { id, conversation: conversation.id, client, freelancer, number, sender, side, body, sent_at: now };
        Ok(Change::to((conversation, message)).telling(Event::MessageSent { told }))
    }
}

impl Conversation {
    /// Between whom it is.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer)
    }

    /// May this actor read it? Our people may not: what a side wants them to judge by, it brings forward as evidence.
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::ConversationRead, &self.subject())
    }

    /// May this actor write in it, as far as their part in it goes?
    pub fn writable_by(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::MessageSend, &self.subject())
    }

    /// A person has read up to a message, of which they had read `so_far`; up to which they have then. What is past the
    /// last message is up to that one, and nobody reads backwards.
    pub fn read_up_to(&self, actor: &Actor, so_far: i32, up_to: i32) -> Result<Change<i32>, Refusal> {
        access::check(actor, Verb::ConversationMarkRead, &self.subject())?;
        let mut invalid = Invalid::default();
        invalid.range("upTo", up_to, 1..=i32::MAX);
        invalid.finish()?;
        let up_to = up_to.min(self.last_number);
        Ok(if up_to > so_far { Change::to(up_to) } else { Change::none(so_far) })
    }
}

/// Somebody is told of a message that was sent at an instant: if they don't look, a letter follows.
pub fn told_of(conversation: ConversationId, sent_at: Timestamp) -> Change<()> {
    Change::to(()).timing(Timer::MailMessages(conversation), sent_at + LETTER_AFTER)
}

/// A letter could not leave: it is tried again from an instant on.
pub fn put_off(conversation: ConversationId, until: Timestamp) -> Change<()> {
    Change::to(()).timing(Timer::MailMessages(conversation), until)
}

/// A letter was withheld, since no message gets to the other side now: it is made up for once one does.
pub fn withheld(conversation: ConversationId, now: Timestamp) -> Change<()> {
    put_off(conversation, now + WITHHELD_AGAIN)
}

impl Message {
    /// Between whom it is.
    pub fn subject(&self) -> Subject {
        Subject::between(self.client, self.freelancer)
    }

    /// May this actor read it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::allows(actor, Verb::ConversationRead, &self.subject())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Denied, MemberRole, Person, Staff};
    use crate::id::Id;

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const NOTHING: Dealings = Dealings { proposed: false, approached: false };
    const PROPOSED: Dealings = Dealings { proposed: true, approached: false };
    const APPROACHED: Dealings = Dealings { proposed: false, approached: true };

    fn person(user: u128, role: Option<MemberRole>, staff: Option<Staff>, suspended: bool) -> Actor {
        let memberships = role.map(|role| (id(1), role)).into_iter().collect();
        Actor::Person(Person { user: id(user), suspended, second_factor: true, staff, memberships })
    }

    fn member(role: MemberRole) -> Actor {
        person(3, Some(role), None, false)
    }

    fn freelancer() -> Actor {
        person(2, None, None, false)
    }

    fn conversation(last_number: i32) -> Conversation {
        Conversation { id: id(7), client: id(1), freelancer: id(2), last_number, last_at: START, opened_at: START }
    }

    fn send(
        actor: &Actor,
        stands: Option<&Conversation>,
        dealings: Dealings,
        is_reachable: bool,
        body: &str,
    ) -> Result<Change<(Conversation, Message)>, Refusal> {
        let writing = Writing { client: id(1), freelancer: id(2), stands, dealings, is_reachable };
        writing.send(actor, body, id(8), id(9), START + TimeDelta::hours(1))
    }

    fn code(outcome: Result<Change<(Conversation, Message)>, Refusal>) -> String {
        match outcome {
            Ok(change) => change.next.1.number.to_string(),
            Err(Refusal::Rule { code, .. }) => code,
            Err(Refusal::Denied { reason }) => format!("{reason:?}"),
            Err(Refusal::Invalid { fields }) => fields.into_iter().map(|field| field.code).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn nobody_writes_to_strangers_and_who_was_written_to_answers() {
        let stands = conversation(4);
        let (owner, lin) = (member(MemberRole::Owner), freelancer());
        let table = [
            (&owner, None, NOTHING, true, "NO_DEALINGS"),
            (&owner, None, PROPOSED, true, "1"),
            (&owner, None, APPROACHED, true, "1"),
            (&lin, None, NOTHING, true, "NO_DEALINGS"),
            (&lin, None, PROPOSED, true, "NO_DEALINGS"),
            (&lin, None, APPROACHED, true, "1"),
            (&lin, Some(&stands), NOTHING, true, "5"),
            (&owner, Some(&stands), NOTHING, true, "5"),
            // Whom a block keeps apart, or who is gone, is not told which of the two it is, nor before it matters.
            (&owner, None, NOTHING, false, "NO_DEALINGS"),
            (&owner, None, APPROACHED, false, "NOT_REACHABLE"),
            (&lin, Some(&stands), APPROACHED, false, "NOT_REACHABLE"),
        ];
        for (actor, stands, dealings, is_reachable, expected) in table {
            let outcome = code(send(actor, stands, dealings, is_reachable, "Hello"));
            assert_eq!(outcome, expected, "{actor:?} {stands:?} {dealings:?} {is_reachable}");
        }
    }

    #[test]
    fn who_has_no_part_in_it_neither_reads_nor_writes() {
        let stands = conversation(1);
        let table = [
            (freelancer(), true, "2", true),
            (member(MemberRole::Owner), true, "2", true),
            (member(MemberRole::Admin), true, "2", true),
            (member(MemberRole::Recruiter), true, "2", true),
            (member(MemberRole::HiringManager), true, "2", true),
            (member(MemberRole::Finance), true, "NotAllowed", true),
            (member(MemberRole::Viewer), true, "NotAllowed", true),
            (person(4, None, None, false), false, "Hidden", false),
            (person(2, None, None, true), false, "Suspended", false),
            (person(5, None, Some(Staff::Mediator), false), false, "Hidden", false),
            (person(5, None, Some(Staff::Admin), false), false, "NotAllowed", false),
            (Actor::Nobody, false, "SignIn", false),
            (Actor::System, false, "NotAllowed", false),
        ];
        for (actor, reads, writes, marks) in table {
            assert_eq!(stands.visible_to(&actor), reads, "{actor:?}");
            assert_eq!(code(send(&actor, Some(&stands), APPROACHED, true, "Hello")), writes, "{actor:?}");
            assert_eq!(stands.writable_by(&actor), writes == "2", "{actor:?}");
            assert_eq!(stands.read_up_to(&actor, 0, 1).is_ok(), marks, "{actor:?}");
        }
        // One who works for the company, too, writes to it as its freelancer.
        let both = send(&person(2, Some(MemberRole::Owner), None, false), Some(&stands), NOTHING, true, "Hello");
        assert_eq!(both.unwrap().next.1.side, Side::Freelancer);
        assert_eq!(
            stands.read_up_to(&person(4, None, None, false), 0, 1),
            Err(Refusal::Denied { reason: Denied::Hidden })
        );
    }

    #[test]
    fn a_message_says_something_that_can_be_shown() {
        let longest = "\u{645}".repeat(BODY_MAX);
        let table = [
            ("Hello\n\nthere", "1"),
            ("  Hello  ", "1"),
            (longest.as_str(), "1"),
            ("", "REQUIRED"),
            (" \n\t ", "REQUIRED"),
            (&format!("{longest}."), "TOO_LONG"),
            ("a\u{0}b", "MALFORMED"),
            ("a\u{202e}b", "MALFORMED"),
        ];
        for (body, expected) in table {
            assert_eq!(code(send(&freelancer(), None, APPROACHED, true, body)), expected, "{body:?}");
        }
        let sent = send(&freelancer(), None, APPROACHED, true, "  Hello  ").unwrap();
        let (conversation, message) = sent.next;
        assert_eq!((message.body.as_str(), message.sender, message.side), ("Hello", id(2), Side::Freelancer));
        assert_eq!((conversation.id, conversation.last_number), (id(8), 1));
        let told = serde_json::to_string(&sent.events).unwrap();
        assert!(!told.contains("Hello"), "what it says is for the two of them: {told}");
    }

    #[test]
    fn a_conversation_never_goes_back_in_time() {
        let ahead = Conversation { last_at: START + TimeDelta::days(1), ..conversation(3) };
        let sent = send(&freelancer(), Some(&ahead), NOTHING, true, "Hello").unwrap().next;
        assert_eq!((sent.0.last_at, sent.1.sent_at), (ahead.last_at, START + TimeDelta::hours(1)));
    }

    #[test]
    fn nobody_reads_backwards_or_what_was_not_said() {
        let stands = conversation(5);
        let table = [
            (0, 1, Some((1, true))),
            (0, 5, Some((5, true))),
            (0, i32::MAX, Some((5, true))),
            (3, 3, Some((3, false))),
            (3, 2, Some((3, false))),
            (5, 6, Some((5, false))),
            (0, 0, None),
            (0, -1, None),
        ];
        for (so_far, up_to, expected) in table {
            let marked = stands.read_up_to(&freelancer(), so_far, up_to);
            let marked = marked.ok().map(|change| (change.next, change.changed));
            assert_eq!(marked, expected, "{so_far} {up_to}");
        }
    }
}
