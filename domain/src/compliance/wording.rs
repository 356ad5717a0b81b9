//! What people put their names to, word by word. A version is never edited: another wording is another version, and
//! policies say which version of the clauses deals are made under.

/// A version of the wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// Counts up from 1.
    pub version: u16,
    /// What a freelancer certifies under penalties of perjury: the statements of part III of IRS Form W-8BEN, for a person
    /// who earns by services.
    pub tax_form: &'static str,
    /// What a freelancer attests of the work of a contract.
    pub attestation: &'static str,
    /// The clause of a contract on where the work is done.
    pub place: &'static str,
    /// The clause of a contract on whose the work is.
    pub rights: &'static str,
}

const ALL: [Wording; 1] = [Wording {
    version: 1,
    tax_form: "Under penalties of perjury, I declare that I have examined this statement and to the best of my knowledge \
               and belief it is true, correct, and complete. I further certify under penalties of perjury that: I am the \
               individual that is the beneficial owner of all the income to which this statement relates; I am not a \
               U.S. person, that is, neither a citizen nor a resident of the United States for tax purposes; the income \
               to which this statement relates is not effectively connected with the conduct of a trade or business in \
               the United States; and I will give a new statement within 30 days if any certification made here becomes \
               incorrect. The Internal Revenue Service does not require my consent to any provisions of this statement \
               other than the certifications required to establish my status as a non-U.S. individual.",
    attestation: "I do all of the work under this contract outside of the United States, in the country that I name, and \
                  have done so up to now. Before I do any of it in the United States or in another country, I tell the \
                  client, and attest anew.",
    place: "The freelancer performs all services under this contract outside of the United States, and tells the client \
            before any of them are performed elsewhere.",
    rights: "All rights in what the freelancer hands in for a milestone or a week, copyright included, pass to the client \
             at the moment at which the freelancer is paid for that milestone or week. Until then they remain the \
             freelancer's. Where law does not let them pass, the client has an exclusive, worldwide, perpetual licence \
             from that moment on. What the freelancer had made before stays theirs, and the client may use it as part of \
             the work.",
}];

impl Wording {
    /// The latest version.
    pub fn latest() -> &'static Self {
        let [.., latest] = &ALL;
        latest
    }

    /// A version, if there is one of this number.
    pub fn version(number: u16) -> Option<&'static Self> {
        ALL.iter().find(|wording| wording.version == number)
    }
}
