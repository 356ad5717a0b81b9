//! Which media type a request brings, and which the client wants back.

use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::Problem;

/// In what form an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status says what happened.
    GraphQl,
    /// `application/json`, for older clients: 200 as soon as the request was well-formed.
    Json,
    /// `text/event-stream`: one event a result.
    Events,
}

impl Media {
    /// The header that says so.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Events => "text/event-stream; charset=utf-8",
        })
    }

    /// What the client wants: the acceptable form it likes best, ties going to the newer one.
    /// A client that says nothing, or takes anything, gets `application/json`.
    pub fn wanted(headers: &HeaderMap) -> Result<Self, Problem> {
        let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = values.join(",");
        if accept.trim().is_empty() {
            return Ok(Self::Json);
        }
        let ranges: Vec<Range> = accept.split(',').filter_map(Range::parse).collect();
        let forms = [
            (Self::GraphQl, "application", "graphql-response+json"),
            (Self::Json, "application", "json"),
            (Self::Events, "text", "event-stream"),
        ];
        let mut best: Option<(Self, Weight)> = None;
        for (form, kind, subtype) in forms {
            let weight = ranges.iter().filter_map(|range| range.weight(kind, subtype)).max_by_key(|w| w.precision);
            if let Some(weight) = weight
                && weight.thousandths > 0
                && best.is_none_or(|(_, best)| weight.beats(best))
            {
                best = Some((form, weight));
            }
        }
        match best {
            // The client takes anything: be kind to those that look for plain JSON.
            Some((_, Weight { precision: 0 | 1, .. })) if !ranges.iter().any(|r| r.refuses("application", "json")) => {
                Ok(Self::Json)
            }
            Some((form, _)) => Ok(form),
            None => Err(Problem::http(
                StatusCode::NOT_ACCEPTABLE,
                "NOT_ACCEPTABLE",
                "answers come as application/graphql-response+json, application/json or text/event-stream",
            )),
        }
    }
}

/// A media range of an Accept header, with its weight.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    thousandths: u16,
}

#[derive(Clone, Copy)]
struct Weight {
    thousandths: u16,
    precision: u8,
}

impl Weight {
    fn beats(self, other: Self) -> bool {
        (self.thousandths, self.precision) > (other.thousandths, other.precision)
    }
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut thousandths = 1000;
        for part in parts {
            if let Some((name, value)) = part.split_once('=') {
                if name.trim().eq_ignore_ascii_case("q") {
                    thousandths = quality(value.trim())?;
                } else if name.trim().eq_ignore_ascii_case("charset") && !is_utf8(value) {
                    return None;
                }
            }
        }
        Some(Self { kind, subtype, thousandths })
    }

    fn weight(&self, kind: &str, subtype: &str) -> Option<Weight> {
        let precision = match (self.kind, self.subtype) {
            ("*", "*") => 0,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 1,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        Some(Weight { thousandths: self.thousandths, precision })
    }

    fn refuses(&self, kind: &str, subtype: &str) -> bool {
        self.thousandths == 0 && self.weight(kind, subtype).is_some_and(|weight| weight.precision == 2)
    }
}

/// A weight like `0.75`, in thousandths. Anything else is no weight.
fn quality(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let well_formed = matches!(whole, "0" | "1") && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let thousandths = whole.parse::<u16>().ok()? * 1000 + format!("{part:0<3}").parse::<u16>().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Refuse every body that is not JSON in UTF-8, before a byte of it is read.
///
/// A form on somebody else's page can send `text/plain`, `multipart/form-data`,
/// `application/x-www-form-urlencoded` and nothing at all without asking; it can't send this.
pub fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported =
        |message: &str| Problem::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return Err(unsupported("send the request as Content-Type: application/json"));
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(unsupported("send the request as Content-Type: application/json"));
    }
    for part in parts {
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("charset")
            && !is_utf8(value)
        {
            return Err(unsupported("send the request in UTF-8"));
        }
    }
    let encoded =
        headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(unsupported("send the request without Content-Encoding"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Media::wanted(&headers).ok()
    }

    #[test]
    fn the_form_of_the_answer_is_the_one_the_client_likes_best() {
        use Media::{Events, GraphQl, Json};
        let rows = [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/json", Some(Json)),
            ("APPLICATION/JSON; charset=UTF-8", Some(Json)),
            ("application/graphql-response+json", Some(GraphQl)),
            ("application/graphql-response+json, application/json", Some(GraphQl)),
            ("application/json, application/graphql-response+json", Some(GraphQl)),
            ("application/graphql-response+json; charset=utf-8, application/json; q=0.9", Some(GraphQl)),
            ("application/graphql-response+json;q=0.5, application/json", Some(Json)),
            ("text/html, application/xhtml+xml, */*;q=0.8", Some(Json)),
            ("application/json;q=0, */*", Some(GraphQl)),
            ("text/event-stream", Some(Events)),
            ("text/event-stream, application/json;q=0.1", Some(Events)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json; charset=latin1", None),
            ("nonsense", None),
        ];
        for (accept, form) in rows {
            assert_eq!(wanted(accept), form, "{accept}");
        }
    }

    #[test]
    fn nothing_a_form_can_send_is_taken() {
        let rows = [
            (Some("application/json"), true),
            (Some("application/json; charset=utf-8"), true),
            (Some("Application/JSON;charset=\"UTF-8\""), true),
            (Some("application/json; charset=utf-16"), false),
            (Some("application/jsonp"), false),
            (Some("application/graphql"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (Some("text/plain"), false),
            (Some("text/plain; application/json"), false),
            (None, false),
        ];
        for (content_type, taken) in rows {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = content_type {
                headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            }
            assert_eq!(require_json(&headers).is_ok(), taken, "{content_type:?}");
        }
    }
}
