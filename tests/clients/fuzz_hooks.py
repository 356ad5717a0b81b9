"""What schemathesis is told of Rabta: its scalars, and what a good answer is.

Its own checks take every error for a fault of the server. Here most of what is made up must be refused: ids of nothing,
pages of minus a billion, acts that one may not do. So an answer is good if it is of one of these kinds, and nothing else:
data and no errors; or errors each of which has a code, a trace id and words, none of which is a fault of ours.
"""

import json
import os
from pathlib import Path

import schemathesis
from graphql import GraphQLError, build_schema, parse, validate
from hypothesis import strategies as st
from schemathesis.graphql import nodes

schemathesis.graphql.scalar("DateTime", st.datetimes().map(lambda at: nodes.String(at.isoformat() + "Z")))
schemathesis.graphql.scalar("NaiveDate", st.dates().map(lambda day: nodes.String(day.isoformat())))
schemathesis.graphql.scalar("JSON", st.text(max_size=20).map(nodes.String))

KINDS = (200, 400, 401, 405, 429)
SCHEMA = build_schema((Path(__file__).resolve().parents[2] / "api" / "schema.graphql").read_text())


def is_valid(document):
    """By graphql-core. What is made up is not always: fields of one name may have two types, some levels down."""
    try:
        return not validate(SCHEMA, parse(document))
    except GraphQLError:
        return False


@schemathesis.check
def typed_answer(_context, response, case):
    assert response.status_code in KINDS, f"status {response.status_code}: {response.text[:300]}"
    assert response.elapsed < 5, f"it took {response.elapsed} s"
    answer = json.loads(response.content.decode("utf-8"))
    assert isinstance(answer, dict) and ("data" in answer or answer.get("errors")), answer
    for error in answer.get("errors", []):
        extensions = error.get("extensions", {})
        assert error["message"].strip() and extensions.get("traceId"), error
        assert extensions.get("code") not in (None, "", "INTERNAL", "TIMEOUT", "UNAVAILABLE"), error
        # Of few operations only some a minute are answered. Were it all of them, little would be tried.
        is_too_much = response.status_code == 429
        assert not is_too_much or (extensions.get("what") and extensions.get("retryAfterSeconds", 0) > 0), error
        # What is valid by the schema is not refused by it.
        if os.environ.get("FUZZ_MODE") == "positive":
            invalid = extensions["code"] in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED")
            assert not invalid or not is_valid(case.body), (error, case.body)
    for payload in (answer.get("data") or {}).values():
        for refusal in (payload or {}).get("errors") or [] if isinstance(payload, dict) else []:
            assert refusal.get("code") != "INTERNAL", refusal
