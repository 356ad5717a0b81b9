//! What to do about a payment that failed, by the processor's code for why.

/// A sentence for the client's screen. Codes that are not known here, of a processor that has new ones, have the last.
pub fn advice(code: &str) -> &'static str {
    match code {
        "card_declined" => "The bank declined it. Ask the bank why, or pay in another way.",
        "insufficient_funds" => "There is not enough money on the card or account. Pay in another way, or later.",
        "expired_card" => "The card has expired. Pay with another.",
        "incorrect_number"
        | "invalid_number"
        | "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_zip"
        | "invalid_expiry_month"
        | "invalid_expiry_year" => "Something of the card was mistyped. Enter it again.",
        "authentication_required" => "The bank wants to see you confirm it. Pay again, and confirm it there.",
        "payment_intent_authentication_failure" => {
            "It was not confirmed with the bank. Pay again, and confirm it there."
        }
        "no_payment_method" => "No card or account is named for this contract. Name one, and pay again.",
        "unknown_payment_method" | "resource_missing" => "This card or account is not known any more. Choose another.",
        "processing_error" | "given_up" => "The processor could not carry it out. Try again in a while.",
        "canceled" | "abandoned" | "automatic" | "requested_by_customer" => {
            "It was called off. Begin anew when you are ready."
        }
        _ => "It did not go through. Try again, or pay in another way.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_processor_says_there_is_something_to_do() {
        for code in ["card_declined", "expired_card", "incorrect_cvc", "authentication_required", "no_payment_method"] {
            assert_ne!(advice(code), advice("of_tomorrow"), "{code}");
        }
        for code in ["", "of_tomorrow", "payment_failed"] {
            assert!(advice(code).ends_with('.'), "{code}");
        }
    }
}
