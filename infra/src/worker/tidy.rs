//! Throwing away what is no longer needed, a bounded heap at a time.

use crate::Failure;
use crate::market::Market;

/// How much is thrown away at a time.
const HEAP: i64 = 1_000;

/// What is thrown away.
#[derive(Debug, Clone, Copy)]
enum Litter {
    Answers,
    Throttles,
    MailCodes,
    RefreshTokens,
    KnownNetworks,
    WireSlips,
    PasskeyCeremonies,
    PaymentMethods,
    MatchingChanges,
    WebhookDeliveries,
}

impl Litter {
    const ALL: [Self; 10] = [
        Self::Answers,
        Self::Throttles,
        Self::MailCodes,
        Self::RefreshTokens,
        Self::KnownNetworks,
        Self::WireSlips,
        Self::PasskeyCeremonies,
        Self::PaymentMethods,
        Self::MatchingChanges,
        Self::WebhookDeliveries,
    ];
}

impl Market {
    /// Throw away what is no longer needed, until nothing of it is left or the worker is to end. Each kind by itself:
    /// what can't be thrown away is told, and keeps none of the others.
    ///
    /// # Errors
    /// The first of what went wrong, after all others were tried.
    pub async fn tidy(&self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for what in Litter::ALL {
            if let Err(failure) = self.throw_away(what).await {
                tracing::error!(?what, error = %failure, "something that is no longer needed could not be thrown away");
                outcome = outcome.and(Err(failure));
            }
        }
        outcome
    }

    async fn throw_away(&self, what: Litter) -> Result<(), Failure> {
        while !self.pulse().is_stopping() && self.heap_away(what).await? > 0 {}
        Ok(())
    }

    /// Throw away a heap of it; how much there was.
    async fn heap_away(&self, what: Litter) -> Result<u64, Failure> {
        match what {
            Litter::Answers => self.answers_forget(HEAP).await,
            Litter::Throttles => self.throttles_forget(HEAP).await,
            Litter::MailCodes => self.mail_codes_forget(HEAP).await,
            Litter::RefreshTokens => self.refresh_tokens_forget(HEAP).await,
            Litter::KnownNetworks => self.known_networks_forget(HEAP).await,
            Litter::WireSlips => self.wire_slips_forget(HEAP).await,
            Litter::PasskeyCeremonies => self.passkey_ceremonies_forget(HEAP).await,
            Litter::PaymentMethods => self.payment_methods_detach(HEAP).await,
            Litter::MatchingChanges => self.matching_changes_trim(HEAP).await,
            Litter::WebhookDeliveries => self.webhook_deliveries_forget(HEAP).await,
        }
    }
}
