//! The parameters of a GraphQL request, from a body or a query string.

use async_graphql::{Value, Variables};
use serde_json::{Map, Value as Json};

use super::Problem;
use super::persisted::Named;

/// What a client asks for.
#[derive(Debug)]
pub struct Params {
    /// The document, or what it is called.
    pub named: Named,
    /// Which of its operations.
    pub operation: Option<String>,
    /// Their values.
    pub variables: Variables,
}

impl Params {
    /// From a JSON body, whose variables may hold so many values.
    pub fn from_body(body: &[u8], values: u64) -> Result<Self, Problem> {
        if body.is_empty() {
            return Err(Problem::bad_request("the body is empty; it should be a JSON object with a \"query\""));
        }
        // The parser's own words name its internals, and its position is of little use to a person.
        let json = serde_json::from_slice(body).map_err(|_| {
            Problem::http(axum::http::StatusCode::BAD_REQUEST, "BAD_JSON", "the body is not well-formed JSON in UTF-8")
        })?;
        Self::from_json(json, values)
    }

    /// From a JSON value: a body, or the payload of a socket's `subscribe`.
    pub fn from_json(json: Json, values: u64) -> Result<Self, Problem> {
        match json {
            Json::Object(object) => Self::from_object(object, values),
            Json::Array(_) => Err(Problem::http(
                axum::http::StatusCode::BAD_REQUEST,
                "BATCHING_REFUSED",
                "send one operation a request; batches are not taken",
            )),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                Err(Problem::bad_request("the body should be a JSON object with a \"query\""))
            }
        }
    }

    fn from_object(mut object: Map<String, Json>, values: u64) -> Result<Self, Problem> {
        let query = match object.remove("query") {
            Some(Json::String(query)) => Some(query),
            Some(_) => return Err(Problem::bad_request("\"query\" should be a string")),
            None => None,
        };
        let document = match object.remove("documentId") {
            None | Some(Json::Null) => None,
            Some(Json::String(id)) => Some(id),
            Some(_) => return Err(Problem::bad_request("\"documentId\" should be a string")),
        };
        let operation = match object.remove("operationName") {
            None | Some(Json::Null) => None,
            Some(Json::String(name)) => Some(name),
            Some(_) => return Err(Problem::bad_request("\"operationName\" should be a string")),
        };
        let variables = map(object.remove("variables"), "variables")?;
        let extensions = map(object.remove("extensions"), "extensions")?;
        let name = name(document, extensions.get("persistedQuery"))?;
        if query.is_none() && name.is_none() {
            return Err(Problem::bad_request("\"query\" is missing"));
        }
        Ok(Self { named: Named { query, name }, operation, variables: into_variables(variables, values)? })
    }

    /// From a URL's query string.
    pub fn from_url(query_string: &str, values: u64) -> Result<Self, Problem> {
        let mut object = Map::new();
        for (name, text) in pairs(query_string)? {
            let value = match name.as_str() {
                "query" | "documentId" => Json::String(text),
                // Empty means absent, as a form would send it.
                "operationName" | "variables" | "extensions" if text.is_empty() => continue,
                "operationName" => Json::String(text),
                "variables" | "extensions" => serde_json::from_str(&text)
                    .map_err(|_| Problem::bad_request(format!("\"{name}\" should be a JSON object")))?,
                _ => continue,
            };
            if object.insert(name.clone(), value).is_some() {
                return Err(Problem::bad_request(format!("\"{name}\" is given twice")));
            }
        }
        Self::from_object(object, values)
    }
}

/// What a document is called: as GraphQL over HTTP proposes it, or as clients of automatic persisted
/// queries do.
fn name(document: Option<String>, persisted: Option<&Json>) -> Result<Option<String>, Problem> {
    let name = match (document, persisted) {
        (Some(id), _) => id.strip_prefix("sha256:").map(str::to_owned).unwrap_or(id),
        (None, None | Some(Json::Null)) => return Ok(None),
        (None, Some(persisted)) => match (persisted["version"].as_u64(), persisted["sha256Hash"].as_str()) {
            (Some(1), Some(hash)) => hash.to_ascii_lowercase(),
            _ => {
                let message = "\"persistedQuery\" should hold \"version\": 1 and a \"sha256Hash\"";
                return Err(Problem::bad_request(message));
            }
        },
    };
    if name.is_empty() || name.len() > 128 {
        return Err(Problem::bad_request("the name of a document has 1 to 128 characters"));
    }
    Ok(Some(name))
}

fn map(value: Option<Json>, name: &str) -> Result<Map<String, Json>, Problem> {
    match value {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(map)) => Ok(map),
        Some(_) => Err(Problem::bad_request(format!("\"{name}\" should be an object"))),
    }
}

/// The values, if there are so many at most. Each takes some seventy bytes from here on, however few letters it was written
/// in, and they wait for whatever the request waits for; so they are counted before.
fn into_variables(map: Map<String, Json>, most: u64) -> Result<Variables, Problem> {
    let count: u64 = map.values().map(values_in).sum();
    if count > most {
        return Err(Problem::limit("TOO_MANY_VALUES", "values in the variables", most, count));
    }
    Ok(Variables::from_value(Value::from_json(Json::Object(map)).unwrap_or_default()))
}

/// How many values there are: this one, and what is in it.
fn values_in(value: &Json) -> u64 {
    1 + match value {
        Json::Array(items) => items.iter().map(values_in).sum::<u64>(),
        Json::Object(fields) => fields.values().map(values_in).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// The decoded pairs of a query string.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// A part of an address, as it was meant.
pub(super) fn decode(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = rest.next().and_then(|b| char::from(b).to_digit(16));
                let low = rest.next().and_then(|b| char::from(b).to_digit(16));
                let decoded = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                bytes.push(decoded.ok_or_else(|| Problem::bad_request("the URL is not well encoded"))?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::bad_request("the URL is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many values the variables hold at most.
    const VALUES: u64 = 6;

    #[test]
    fn a_query_string_is_decoded_once_and_told_apart_from_nonsense() {
        let params =
            Params::from_url("query=%7B+a%28x%3A%22%2525%22%29%7D&variables=%7B%22a%22%3A1%7D&operationName=", VALUES)
                .unwrap();
        assert_eq!(params.named.query.as_deref().unwrap_or_default(), "{ a(x:\"%25\")}");
        assert_eq!(params.operation, None);
        assert_eq!(params.variables.len(), 1);
        for bad in [
            "query=%zz",
            "query=%ff",
            "variables=%7B%7D",
            "query=a&query=b",
            "query=a&variables=1",
            "query=a&variables={",
        ] {
            assert!(Params::from_url(bad, VALUES).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_that_is_not_a_request_says_what_it_should_be() {
        let rows = [
            ("", "BAD_REQUEST"),
            ("{", "BAD_JSON"),
            ("{\"query\":\"{a}\",}", "BAD_JSON"),
            ("{\"query\":\"{a}\"} x", "BAD_JSON"),
            ("{\"query\":\"{a}\",\"variables\":{\"s\":\"\\ud800\"}}", "BAD_JSON"),
            ("\u{feff}{\"query\":\"{a}\"}", "BAD_JSON"),
            ("null", "BAD_REQUEST"),
            ("1", "BAD_REQUEST"),
            ("\"{a}\"", "BAD_REQUEST"),
            ("[]", "BATCHING_REFUSED"),
            ("[{\"query\":\"{a}\"}]", "BATCHING_REFUSED"),
            ("{}", "BAD_REQUEST"),
            ("{\"query\":null}", "BAD_REQUEST"),
            ("{\"query\":[\"{a}\"]}", "BAD_REQUEST"),
            ("{\"query\":\"{a}\",\"variables\":\"{}\"}", "BAD_REQUEST"),
            ("{\"query\":\"{a}\",\"variables\":[]}", "BAD_REQUEST"),
            ("{\"query\":\"{a}\",\"operationName\":1}", "BAD_REQUEST"),
            ("{\"query\":\"{a}\",\"extensions\":0}", "BAD_REQUEST"),
        ];
        for (body, code) in rows {
            assert_eq!(Params::from_body(body.as_bytes(), VALUES).unwrap_err().code, code, "{body}");
        }
        assert_eq!(Params::from_body(b"\xff", VALUES).unwrap_err().code, "BAD_JSON");
        let deep = format!("{{\"query\":\"{{a}}\",\"variables\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Params::from_body(deep.as_bytes(), VALUES).unwrap_err().code, "BAD_JSON");
        assert!(
            Params::from_body(
                b"{\"query\":\"{a}\",\"variables\":null,\"operationName\":null,\"extensions\":null}",
                VALUES
            )
            .is_ok()
        );
    }

    #[test]
    fn values_are_counted_wherever_they_stand_before_they_are_kept() {
        let told = |variables: &str| {
            let body = format!("{{\"query\":\"{{a}}\",\"variables\":{variables}}}");
            match Params::from_body(body.as_bytes(), VALUES) {
                Ok(params) => format!("{} variables", params.variables.len()),
                Err(Problem { code, facts, .. }) => format!("{code} {facts:?}"),
            }
        };
        let refused = |value: u64| {
            format!("TOO_MANY_VALUES {:?}", [("limit", Value::from(VALUES)), ("value", Value::from(value))])
        };
        assert_eq!(told(r#"{"a":[0,0,0,0,0]}"#), "1 variables", "a list and what is in it");
        assert_eq!(told(r#"{"a":[0,0,0,0,0,0]}"#), refused(7));
        assert_eq!(told(r#"{"a":{"b":[[],{}],"c":1}}"#), "1 variables");
        assert_eq!(told(r#"{"a":{"b":[[],{}],"c":1},"d":[null]}"#), refused(7), "objects, what is empty, and null");
        assert_eq!(told(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}"#), refused(7), "variables themselves");
        let in_address = Params::from_url("query={a}&variables={\"a\":[1,2,3,4,5,6]}", VALUES).unwrap_err();
        assert_eq!(in_address.code, "TOO_MANY_VALUES");
    }
}
