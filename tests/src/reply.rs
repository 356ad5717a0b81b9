//! What came back, and short ways to say what should have.

use axum::http::StatusCode;
use serde_json::Value;

/// The answer to one operation.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Value,
}

impl Reply {
    /// The data of an answer without top-level errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body["errors"].is_null(), "errors: {:#}", self.body);
        &self.body["data"]
    }

    /// The payload of the one mutation (or the value of the one field) that was asked for.
    #[track_caller]
    fn only(&self) -> &Value {
        let data = self.data().as_object().unwrap_or_else(|| panic!("no data: {:#}", self.body));
        assert_eq!(data.len(), 1, "one field was expected: {:#}", self.body);
        data.values().next().unwrap_or(&Value::Null)
    }

    /// The payload of a mutation that was not refused.
    #[track_caller]
    pub fn ok(&self) -> &Value {
        let payload = self.only();
        assert_eq!(payload["errors"].as_array().map(Vec::len), Some(0), "refused: {payload:#}");
        payload
    }

    /// The codes of the errors of a mutation that was refused.
    #[track_caller]
    pub fn refused(&self) -> Vec<&str> {
        let errors = self.only()["errors"].as_array().unwrap_or_else(|| panic!("no errors: {:#}", self.body));
        assert!(!errors.is_empty(), "it was not refused: {:#}", self.body);
        errors.iter().map(|error| error["code"].as_str().unwrap_or_default()).collect()
    }

    /// The errors of a refusal as `path: CODE`, in order.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let errors = self.only()["errors"].as_array().unwrap_or_else(|| panic!("no errors: {:#}", self.body));
        let path = |error: &Value| {
            let names = error["path"].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(".")
        };
        errors.iter().map(|error| format!("{}: {}", path(error), error["code"].as_str().unwrap_or_default())).collect()
    }

    /// The codes of the top-level errors.
    #[track_caller]
    pub fn failed(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("it did not fail: {:#}", self.body));
        errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default()).collect()
    }

    /// The text at a path like `organization.id` of the payload.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        let found = path.split('.').fold(self.only(), |value, name| match name.parse::<usize>() {
            Ok(place) => &value[place],
            Err(_) => &value[name],
        });
        found.as_str().unwrap_or_else(|| panic!("no text at {path}: {:#}", self.body)).to_owned()
    }
}
