//! A marketplace in which everything has happened once: what the demo leaves behind, played through
//! the same public API as everything else.

use std::collections::BTreeMap;

use api::demo::{Door, Journey, play};

use crate::{TestApp, Visitor};

/// Two people, their companies, and one of everything between them.
pub struct World<'a> {
    /// Where.
    pub app: &'a TestApp,
    /// Who they are, and what they left.
    pub journey: Journey,
}

impl TestApp {
    /// Play the whole journey, with a worker beside it.
    pub async fn world(&self) -> World<'_> {
        let mut steps = Vec::new();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let worker = tokio::spawn(infra::worker::run(self.market.clone(), stopped));
        let outcome = play(&Door::Here(self.router()), &mut |step: &str| steps.push(step.to_owned())).await;
        stop.send_replace(true);
        worker.await.expect("the worker ends when it is asked to");
        match outcome {
            Ok(journey) => World { app: self, journey },
            Err(stumble) => panic!("the journey stumbled: {stumble}\nafter:\n{}", steps.join("\n")),
        }
    }
}

impl World<'_> {
    /// The ids of everything, by what it is.
    pub fn ids(&self) -> &BTreeMap<String, String> {
        &self.journey.ids
    }

    /// The owner of the client company.
    pub fn client(&self) -> Visitor<'_> {
        self.app.bearer(self.journey.client.token())
    }

    /// The freelancer.
    pub fn freelancer(&self) -> Visitor<'_> {
        self.app.bearer(self.journey.freelancer.token())
    }
}
