//! What an account is kept safe by: codes that go to its mailbox and prove that somebody reads it,
//! and what its person is told of when something about its safety changes.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::change::Change;
use crate::event::Event;
use crate::id::{MailCodeId, UserId};
use crate::refusal::Refusal;
use crate::user::Email;

/// A code that went, or is about to go, to a mailbox. It works once, for one thing, and not for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCode {
    /// The id.
    pub id: MailCodeId,
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose account it is for. Nobody's, where somebody typed an address that has no account: such
    /// a code is never sent.
    pub user: Option<UserId>,
    /// Where it goes.
    pub email: Email,
    /// The address that the account had when the code was asked for, if another is to take its place.
    pub former: Option<Email>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To show that the person reads mail at the address of the account.
    VerifyEmail,
    /// To set another password without the old one.
    ResetPassword,
    /// To make this the address of the account.
    ChangeEmail,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::VerifyEmail, Self::ResetPassword, Self::ChangeEmail];

    /// The name it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
        }
    }

    /// How long a code works. What opens an account works shortest.
    pub const fn lifetime(self) -> TimeDelta {
        match self {
            Self::VerifyEmail => TimeDelta::days(3),
            Self::ResetPassword => TimeDelta::minutes(30),
            Self::ChangeEmail => TimeDelta::hours(1),
        }
    }
}

/// Text that names no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a purpose of a code")]
pub struct BadPurpose;

impl FromStr for Purpose {
    type Err = BadPurpose;
    fn from_str(text: &str) -> Result<Self, BadPurpose> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(BadPurpose)
    }
}

/// What was done to the safety of an account. Its person hears of it, whoever did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyAct {
    /// The password was changed by somebody who knew it.
    PasswordChanged,
    /// The password was set by somebody who reads the mail.
    PasswordReset,
    /// The same, and it was the first to show that the address is theirs: what was given away, or set up to open the
    /// account or to be paid, before that is gone.
    AccountTakenOver,
    /// The address was changed back to one that the account had, by one of our people, and nothing opens it but the mail.
    EmailRestored,
    /// Signing in takes a second proof from now on.
    SecondFactorSet,
    /// Signing in takes the password alone from now on.
    SecondFactorRemoved,
    /// The same, and it was one of our people who did it, for somebody who lost all that they could have shown.
    SecondFactorReset,
    /// Somebody knows the password, and gave wrong second proofs with it again and again. They were not let in.
    SecondFactorGuessed,
    /// Somebody signed in, or proved who they are, with a recovery code.
    RecoveryCodeUsed,
    /// There are new recovery codes, and the old ones work no more.
    RecoveryCodesRenewed,
    /// There is one more passkey that opens the account.
    PasskeyAdded,
    /// A passkey opens the account no more.
    PasskeyRemoved,
    /// A passkey was refused, because its device counts as if there were two.
    PasskeyCopied,
    /// An organization that they own, or that they did it for, has a webhook endpoint at a new address, or one for which
    /// a new secret signs.
    WebhookEndpointSet,
    /// Somebody looks after the webhook endpoints of an organization that they own no more, and may know more of them than
    /// is good.
    WebhookKeeperLeft,
}

impl MailCode {
    /// A code for `email`. Whether there is an account makes no difference here: whoever asked can't
    /// tell.
    pub fn issue(id: MailCodeId, purpose: Purpose, user: Option<UserId>, email: Email, now: Timestamp) -> Change<Self> {
        let expires_at = now + purpose.lifetime();
        let code = Self { id, purpose, user, email, former: None, created_at: now, expires_at, used_at: None };
        Change::to(code).telling(Event::MailCodeIssued { code: id })
    }

    /// The same, of which no letter goes out, because enough of them went to `email`. Whoever asked can't tell.
    pub fn withhold(
        id: MailCodeId,
        purpose: Purpose,
        user: Option<UserId>,
        email: Email,
        now: Timestamp,
    ) -> Change<Self> {
        Change::to(Self::issue(id, purpose, user, email, now).next)
    }

    /// The account of `user` has the address `email` again, in place of `former`, by one of our people: like a code that was
    /// used. Whoever reads mail at `former` is told by it, and it is kept as long, so that a mistake can be undone.
    pub fn restored(id: MailCodeId, user: UserId, email: Email, former: Email, now: Timestamp) -> Self {
        let (purpose, user, former) = (Purpose::ChangeEmail, Some(user), Some(former));
        Self { id, purpose, user, email, former, created_at: now, expires_at: now, used_at: Some(now) }
    }

    /// The code is used, for `purpose`: whose account it opens, and the code as it is then. There is
    /// one answer to all codes that don't work, so that a guess learns nothing.
    pub fn redeem(self, purpose: Purpose, now: Timestamp) -> Result<(UserId, Self), Refusal> {
        match self.user {
            Some(user) if self.purpose == purpose && self.used_at.is_none() && now < self.expires_at => {
                Ok((user, Self { used_at: Some(now), ..self }))
            }
            Some(_) | None => Err(code_refused()),
        }
    }

    /// The same, by whoever is signed in to the account it is for: anybody can sign up with anybody's address, and who
    /// reads the mail there must not answer for an account that they can't get into.
    pub fn redeem_of(self, purpose: Purpose, user: UserId, now: Timestamp) -> Result<Self, Refusal> {
        let (whose, used) = self.redeem(purpose, now)?;
        if whose == user { Ok(used) } else { Err(code_of_another()) }
    }
}

/// What still binds a person to others, by how many of each there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ties {
    /// Contracts that have not ended, theirs or of a company that they own.
    pub contracts: i64,
    /// Disputes that are not over.
    pub disputes: i64,
    /// Payments, refunds to cards and work with money in it that are not at their end, whatever became of the contract.
    pub under_way: i64,
    /// Bids and offers that wait for somebody, and gigs of a company that they own.
    pub dealings: i64,
    /// Payouts that have neither arrived nor been called off.
    pub payouts: i64,
    /// Until when a bank may send back a payout that it had.
    pub returnable_until: Option<Timestamp>,
    /// Accounts with money of theirs, or of a company that they own.
    pub balances: i64,
    /// Companies that they own and others belong to.
    pub companies: i64,
}

impl Ties {
    /// Refuse as long as there is one, and say what to do about it.
    pub fn must_be_none(self) -> Result<(), Refusal> {
        let Self { contracts, disputes, under_way, dealings, payouts, returnable_until, balances, companies } = self;
        let ties = [
            (contracts, "ACCOUNT_HAS_CONTRACTS", "There are contracts that have not ended. End them first."),
            (disputes, "ACCOUNT_HAS_DISPUTES", "There are disputes that are not over. Wait for their end."),
            (under_way, "ACCOUNT_HAS_MONEY_UNDER_WAY", "There is money on its way. Wait until it has arrived."),
            (dealings, "ACCOUNT_HAS_DEALINGS", "There are gigs, bids or offers that are open. Withdraw them first."),
            (payouts, "ACCOUNT_HAS_PAYOUTS", "There are payouts on their way. Wait until they have arrived."),
            (
                balances,
                "ACCOUNT_HAS_MONEY",
                "There is money of yours. Pay it out, have a company's credit go back to its card, or ask us for what is \
                 too little.",
            ),
            (companies, "ACCOUNT_OWNS_COMPANY", "Others belong to a company that you own. Pass it on first."),
        ];
        match (ties.into_iter().find(|(count, ..)| *count > 0), returnable_until) {
            (Some((_, code, message)), _) => Err(Refusal::rule(code, message)),
            (None, Some(until)) => {
                let until = until.format("%Y-%m-%d %H:%M:%S UTC");
                let message =
                    format!("A bank may still send a payout back to you. The account can be erased from {until} on.");
                Err(Refusal::rule("ACCOUNT_HAS_RECENT_PAYOUT", message))
            }
            (None, None) => Ok(()),
        }
    }
}

/// The one answer to all codes that don't work.
pub fn code_refused() -> Refusal {
    Refusal::rule("CODE_INVALID", "This code does not work (any more). Ask for another, and use the newest letter.")
}

/// The answer to a code that works, in a session of another account.
fn code_of_another() -> Refusal {
    Refusal::rule(
        "CODE_FOR_ANOTHER",
        "This code is for another account than the one you are signed in to. Sign in to the account with the address \
         that the letter went to, and use the code there. If you don't know its password, passwordReset sets another.",
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn code(purpose: Purpose, user: Option<UserId>) -> MailCode {
        let email = "ada@example.com".parse().unwrap();
        MailCode::issue(MailCodeId::from_uuid(Uuid::from_u128(1)), purpose, user, email, NOW).next
    }

    #[test]
    fn what_notes_that_an_address_was_restored_opens_nothing() {
        let ada = UserId::from_uuid(Uuid::from_u128(1));
        let address = |text: &str| text.parse::<Email>().unwrap();
        let id = MailCodeId::from_uuid(Uuid::from_u128(1));
        let note = MailCode::restored(id, ada, address("ada@example.com"), address("thief@example.com"), NOW);
        assert_eq!((note.user, note.used_at), (Some(ada), Some(NOW)));
        assert_eq!(note.former, Some(address("thief@example.com")));
        for purpose in Purpose::ALL {
            assert_eq!(note.clone().redeem(purpose, NOW), Err(code_refused()));
        }
    }

    #[test]
    fn a_code_works_once_in_time_for_what_it_is_for() {
        let ada = UserId::from_uuid(Uuid::from_u128(1));
        for purpose in Purpose::ALL {
            let over = NOW + purpose.lifetime();
            let just_in_time = over - TimeDelta::seconds(1);
            let (user, used) = code(purpose, Some(ada)).redeem(purpose, just_in_time).unwrap();
            assert_eq!((user, used.used_at), (ada, Some(just_in_time)));
            assert_eq!(used.redeem(purpose, just_in_time), Err(code_refused()), "used before");
            assert_eq!(code(purpose, Some(ada)).redeem(purpose, over), Err(code_refused()), "over");
            assert_eq!(code(purpose, None).redeem(purpose, NOW), Err(code_refused()), "nobody's");
            let lin = UserId::from_uuid(Uuid::from_u128(2));
            assert_eq!(code(purpose, Some(ada)).redeem_of(purpose, ada, NOW).map(|used| used.used_at), Ok(Some(NOW)));
            assert_eq!(code(purpose, Some(ada)).redeem_of(purpose, lin, NOW), Err(code_of_another()), "another's");
            assert_eq!(code(purpose, Some(ada)).redeem_of(purpose, lin, over), Err(code_refused()), "over for anybody");
            for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                assert_eq!(code(purpose, Some(ada)).redeem(other, NOW), Err(code_refused()), "for {other:?}");
            }
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
        }
        assert_eq!("".parse::<Purpose>(), Err(BadPurpose));
    }
}
