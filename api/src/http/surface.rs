//! What all requests share.

use std::sync::Arc;

use async_graphql::{ObjectType, Response, Schema, SchemaBuilder, SubscriptionType, ValidationMode};

use super::answer::Outcome;
use super::body::Bodies;
use super::execute::Readers;
use super::open::Open;
use super::persisted::Persisted;
use super::rates::Rates;
use super::untaken::Untaken;
use super::{Backend, ClientAddress, Closing, Settings, TraceId};
use crate::limits::{Documents, Form, Shape};

/// A schema, the house behind it, and the settings: everything a request needs to be answered.
pub struct Surface<Q, M, S> {
    pub(super) schema: Schema<Q, M, S>,
    /// The same, which does not look again at the rules that a document is known to keep.
    pub(super) known: Schema<Q, M, S>,
    pub(super) shared: Arc<Shared>,
    pub(super) closing: Closing,
}

/// A schema, with what its definition says, which requests are held against before the library reads them.
pub struct Described<Q, M, S> {
    schema: Schema<Q, M, S>,
    known: Schema<Q, M, S>,
    shape: Arc<Shape>,
}

/// The part that does not depend on the schema's types.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) settings: Settings,
    pub(super) documents: Documents,
    pub(super) persisted: Persisted,
    pub(super) rates: Rates,
    pub(super) open: Arc<Open>,
    pub(super) untaken: Arc<Untaken>,
    pub(super) bodies: Bodies,
    pub(super) readers: Readers,
}

impl Shared {
    /// What a schema's response means to a client of this server, who is at this address.
    pub(super) fn outcome(
        &self,
        mut response: Response,
        form: &Form,
        address: ClientAddress,
        trace: &TraceId,
    ) -> Outcome {
        self.documents.complete(form, &mut response);
        if !self.settings.introspection {
            // The library likes to suggest names of the schema, which is not to be told.
            for error in &mut response.errors {
                if let Some(at) = error.message.find(" Did you mean ") {
                    error.message.truncate(at);
                }
            }
        }
        Outcome::of(response, self.settings.answer_bytes, |bytes| self.untaken.take(address, bytes), trace)
    }
}

impl<Q, M, S> Described<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Read the definition of a schema.
    #[expect(clippy::expect_used, reason = "at start-up; the text is written by the library that reads it")]
    pub fn new(build: impl Fn() -> SchemaBuilder<Q, M, S>) -> Self {
        let (schema, known) = (build().finish(), build().validation_mode(ValidationMode::Fast).finish());
        let shape = Shape::read(&schema.sdl()).expect("the schema's definition should be readable");
        Self { schema, known, shape: Arc::new(shape) }
    }
}

impl<Q, M, S> Clone for Described<Q, M, S> {
    fn clone(&self) -> Self {
        Self { schema: self.schema.clone(), known: self.known.clone(), shape: Arc::clone(&self.shape) }
    }
}

impl<Q, M, S> Clone for Surface<Q, M, S> {
    fn clone(&self) -> Self {
        let (schema, known) = (self.schema.clone(), self.known.clone());
        Self { schema, known, shared: Arc::clone(&self.shared), closing: self.closing.clone() }
    }
}

impl<Q, M, S> Surface<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// A surface for a schema, with `backend` behind it.
    pub fn new(described: Described<Q, M, S>, backend: Arc<dyn Backend>, settings: Settings) -> Self {
        let Described { schema, known, shape } = described;
        let documents = Documents::new(shape, settings.limits.clone(), settings.introspection);
        let rates = Rates::new(&settings);
        let persisted = Persisted::new(settings.trusted_documents.clone());
        let open = Open::new(settings.sockets.operations);
        let untaken = Arc::new(Untaken::new(settings.untaken_bytes, settings.untaken_bytes_by_address));
        let bodies = Bodies::new(settings.body_bytes, settings.body_timeout);
        let readers = Readers::default();
        let shared =
            Arc::new(Shared { backend, settings, documents, persisted, rates, open, untaken, bodies, readers });
        Self { schema, known, shared, closing: Closing::never() }
    }

    /// The same, with sockets and streams that end when the server is going to stop.
    #[must_use]
    pub fn until(self, closing: Closing) -> Self {
        Self { closing, ..self }
    }

    /// The room for answers that wait to be taken, for whatever else answers beside it.
    pub fn untaken(&self) -> Arc<Untaken> {
        Arc::clone(&self.shared.untaken)
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}
